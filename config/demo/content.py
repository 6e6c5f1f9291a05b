"""What the demo conference is about. Every person, talk and affiliation here is invented."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    en: str
    zh: str


class Who(NamedTuple):
    name: str
    native: str
    affiliation: str
    country: str


class Talk(NamedTuple):
    title: Text
    abstract: Text
    speakers: tuple[str, ...]


NAME = Text("International Conference on Future Food and Health", "未来食品与健康国际会议")
TAGLINE = Text(
    "Three days by the lake on what we will eat, and how we will make it.", "湖畔三日，共话未来的食物与制造。"
)
DESCRIPTION = Text(
    """Food links the laboratory to the table. This conference brings together people who study microbes, materials and \
machines with those who cook, regulate and teach.

**What to expect**

- four keynotes and six tracks, from probiotics to packaging
- two poster afternoons with tea, and time to talk
- hands-on workshops in the pilot plant and the sensory laboratory

All sessions are held in English or Chinese; the keynotes are interpreted into both.""",
    """食品连接着实验室与餐桌。本次会议邀请研究微生物、材料与装备的学者，与从事烹饪、监管和教学的同行相聚一堂。

**会议内容**

- 四场主旨报告与六个专题，从益生菌到包装
- 两个下午的墙报交流，备有茶点，从容交谈
- 在中试车间与感官实验室动手的工作坊

各场报告以英文或中文进行，主旨报告提供中英文同声传译。""",
)

TRACKS = [
    (Text("Probiotics and gut health", "益生菌与肠道健康"), "#0E7C66"),
    (Text("Food safety and analysis", "食品安全与分析"), "#B4532A"),
    (Text("Fermentation and synthetic biology", "发酵与合成生物学"), "#7A4FB5"),
    (Text("Light-responsive materials and packaging", "光响应材料与包装"), "#B8860B"),
    (Text("Food engineering and data", "食品工程与数据"), "#2563A8"),
    (Text("Food culture and education", "饮食文化与教育"), "#A8326E"),
]

ROOMS = [
    (Text("Lakeside Auditorium", "湖畔礼堂"), 900, ["projector", "interpreting", "livestream"]),
    (Text("Hall A", "报告厅 A"), 220, ["projector", "livestream"]),
    (Text("Hall B", "报告厅 B"), 180, ["projector"]),
    (Text("Seminar room 301", "301 研讨室"), 60, ["projector", "whiteboard"]),
    (Text("Seminar room 302", "302 研讨室"), 60, ["projector", "whiteboard"]),
    (Text("Glass foyer", "玻璃长廊"), 400, ["poster boards"]),
]

PEOPLE = [
    Who("Mei Lin", "林梅", "Lakeside University, School of Food Science", "CN"),
    Who("Henrik Aaltonen", "", "Nordic Institute of Fermentation", "FI"),
    Who("Amina Diallo", "", "Sahel Centre for Nutrition", "SN"),
    Who("Haruto Kuroda", "黒田 陽翔", "Kitayama University of Technology", "JP"),
    Who("Weimin Zhao", "赵伟民", "Lakeside University, National Laboratory of Food", "CN"),
    Who("Olga Vetrova", "Ольга Ветрова", "Neva Polytechnic", "RU"),
    Who("Yusuf al-Rashid", "يوسف الراشد", "Gulf University of Applied Sciences", "OM"),
    Who("Sunita Deshmukh", "सुनीता देशमुख", "Deccan Institute of Agriculture", "IN"),
    Who("Jisoo Han", "한지수", "Hanbit National University", "KR"),
    Who("Eleni Papadaki", "Ελένη Παπαδάκη", "Aegean School of Food Studies", "GR"),
    Who("Tomás Echeverría", "", "Universidad del Litoral Sur", "CL"),
    Who("Ouyang Wen", "欧阳文", "Taihu Institute of Biotechnology", "CN"),
    Who("Niamh O’Sullivan", "", "Corrib Dairy Research", "IE"),
    Who("Kwame Boateng", "", "Volta Regional University", "GH"),
    Who("Nguyễn Thị Hạnh", "", "Red River Agricultural University", "VN"),
    Who("Dilnur Ablimit", "迪丽努尔·阿布力米提", "Tianshan University of Science", "CN"),
    Who("Siriporn Chaiyasit", "ศิริพร ชัยสิทธิ์", "Chao Phraya Institute of Food", "TH"),
    Who("Marek Dvořák", "", "Vltava Technical University", "CZ"),
    Who("Fatemeh Rostami", "فاطمه رستمی", "Alborz University of Technology", "IR"),
    Who("Lucía Ferrer", "", "Institut de la Cuina i la Ciència", "ES"),
    Who("Sima Xiangnan", "司马向南", "Jiangdong Light Industry College", "CN"),
    Who("Ingrid Sørlie", "", "Fjordland Marine Laboratory", "NO"),
    Who("Rafael Monteiro", "", "Universidade do Cerrado", "BR"),
    Who("Sukarno", "", "Nusantara Food Research Agency", "ID"),
    Who("Tamar Beridze", "თამარ ბერიძე", "Kura Valley Wine Institute", "GE"),
    Who("Abebe Worku", "አበበ ወርቁ", "Blue Nile University", "ET"),
    Who("Chen Siyu", "陈思雨", "Lakeside University, School of Biotechnology", "CN"),
    Who("Rivka Shalev", "רבקה שלו", "Galil Centre for Agritech", "IL"),
    Who("Zhuge Kongming", "诸葛孔明", "Southern Sichuan University of Engineering", "CN"),
    Who("Isabelle Fontaine", "", "École des Arts Culinaires du Rhône", "FR"),
    Who("Daniel Kimani", "", "Rift Valley Institute of Science", "KE"),
    Who("Anneliese Brandt", "", "Hochschule für Lebensmitteltechnik Elbe", "DE"),
    Who("Sardor Karimov", "", "Fergana State Technical University", "UZ"),
    Who("Wang Fang", "王芳", "Lakeside University, School of Design", "CN"),
    Who("Miguel Ángel Quispe", "", "Universidad Andina de Alimentos", "PE"),
    Who("Batbayar Ganbold", "Батбаяр Ганболд", "Steppe Dairy Institute", "MN"),
    Who("Hiruni Perera", "හිරුණි පෙරේරා", "Mahaweli University", "LK"),
    Who("Charlotte Whitfield", "", "Severn Centre for Packaging", "GB"),
    Who("Liang Junhao", "梁俊豪", "Pearl Delta University of Science", "CN"),
    Who("Aroha Ngata", "", "Waikare Institute of Nutrition", "NZ"),
    Who("Giulia Marchetti", "", "Università della Pianura", "IT"),
    Who("Xu Yating", "徐雅婷", "Lakeside University, School of Artificial Intelligence", "CN"),
    Who("Emre Yıldız", "", "Ege Teknoloji Enstitüsü", "TR"),
    Who("Samuel Adeyemi", "", "Lagoon State University", "NG"),
    Who("Katarzyna Wiśniewska", "", "Politechnika Nadwiślańska", "PL"),
    Who("Tan Wei Ling", "陈慧玲", "Straits Institute of Food Technology", "SG"),
    Who("Javier Ortega", "", "Instituto del Maíz y la Cultura", "MX"),
    Who("Lobsang Dorje", "བློ་བཟང་རྡོ་རྗེ།", "Plateau Agricultural College", "CN"),
    Who("Hanna Lindqvist", "", "Mälaren University of Technology", "SE"),
    Who("Priya Raman", "பிரியா ராமன்", "Kaveri College of Engineering", "IN"),
]

KEYNOTES = [
    Talk(
        Text("A thousand years in a jar: what old ferments teach new factories", "坛中千年：传统发酵教给现代工厂什么"),
        Text(
            "Soy paste, rice wine and vinegar carry communities of microbes that no designer would have dared to put"
            " together. We followed twelve family workshops for six years and ask which of their habits a clean steel tank"
            " can keep.",
            "酱、米酒与醋中栖息着任何设计者都不敢组合的微生物群落。我们用六年时间跟踪十二家作坊，探讨洁净的钢罐能够保留它们的哪些习惯。",
        ),
        ("Mei Lin",),
    ),
    Talk(
        Text("Food that tells the truth: sensing from field to fork", "会说真话的食品：从田间到餐桌的传感"),
        Text(
            "A label says what a product was; a sensor says what it is. The talk goes through ten years of cheap optical"
            " sensors, their failures in warm and dusty places, and what made the last generation trustworthy.",
            "标签说明产品曾经是什么，传感器说明它现在是什么。报告回顾廉价光学传感器十年的发展、在炎热多尘环境中的失败，以及新一代为何可信。",
        ),
        ("Henrik Aaltonen",),
    ),
    Talk(
        Text("Feeding a growing city: lessons from three harbours", "养活一座成长中的城市：三个港口的经验"),
        Text(
            "Markets, cold rooms and street kitchens decide what a city eats long before policy does. Three harbour cities"
            " show how small changes in transport cut losses by a third.",
            "在政策之前，市场、冷库和街头厨房就已决定一座城市吃什么。三座港口城市的实践表明，运输中的小改变能减少三分之一的损耗。",
        ),
        ("Amina Diallo",),
    ),
    Talk(
        Text("Light as a tool: molecules that open, close and let go", "以光为工具：能开、能合、能释放的分子"),
        Text(
            "Molecules that change shape in light can hold an aroma until a package is opened, or stop a reaction at the"
            " right minute. An introduction for those who never met a photoswitch.",
            "在光照下改变形状的分子，能把香气保留到开袋的一刻，也能让反应在恰当的时刻停止。面向从未接触过光开关的听众。",
        ),
        ("Haruto Kuroda",),
    ),
]

# Six talks a track, in the order of TRACKS.
TALKS = [
    [
        Talk(
            Text("How long does a strain stay? Eight weeks of daily samples", "菌株能停留多久？八周每日取样研究"),
            Text(
                "Daily samples of forty volunteers show three ways in which a probiotic strain leaves the gut, and that the diet of the week before predicts which.",
                "对四十名志愿者的每日取样显示益生菌离开肠道的三种方式，而前一周的饮食可以预测是哪一种。",
            ),
            ("Weimin Zhao",),
        ),
        Talk(
            Text("Fermented millet porridge and infant microbiota", "发酵小米粥与婴儿肠道菌群"),
            Text(
                "A traditional porridge, made in two hundred households, is compared with a factory version by its microbes and by what mothers say of it.",
                "比较两百户家庭制作的传统粥与工厂产品：从微生物到母亲们的评价。",
            ),
            ("Kwame Boateng", "Samuel Adeyemi"),
        ),
        Talk(
            Text("Bile salts, barriers and a shy lactobacillus", "胆盐、屏障与一株“害羞”的乳杆菌"),
            Text(
                "A strain that fails every plate test thrives in a simulated intestine. We explain why, and what that says about screening.",
                "一株在平板试验中屡屡失败的菌株却在模拟肠道中生长良好。我们解释原因，并讨论筛选方法。",
            ),
            ("Niamh O’Sullivan",),
        ),
        Talk(
            Text("Camel milk kefir: a first census", "驼乳开菲尔：首次菌群普查"),
            Text(
                "Grains from nine herding families were sequenced; a third of the species have no close relative in the databases.",
                "对九个牧民家庭的菌粒进行测序，三分之一的物种在数据库中没有近缘。",
            ),
            ("Batbayar Ganbold", "Dilnur Ablimit"),
        ),
        Talk(
            Text("Prebiotic fibres from lotus root residue", "莲藕加工副产物中的益生元纤维"),
            Text(
                "What is left after starch extraction feeds bifidobacteria as well as inulin does, at a tenth of the price.",
                "提取淀粉后的残渣对双歧杆菌的促生效果与菊粉相当，价格仅为十分之一。",
            ),
            ("Chen Siyu",),
        ),
        Talk(
            Text("Asking people what their stomach feels", "如何询问人们肠胃的感受"),
            Text(
                "A questionnaire in eleven languages, and the four questions that turned out to mean different things in each.",
                "一份十一种语言的问卷，以及其中四个在各语言中含义不同的问题。",
            ),
            ("Aroha Ngata",),
        ),
    ],
    [
        Talk(
            Text("Mycotoxins in ten minutes on a market stall", "市场摊位上十分钟检测真菌毒素"),
            Text(
                "A paper strip and a telephone camera find aflatoxin in maize at the legal limit, in rain and in sunlight.",
                "一条试纸加手机相机，无论晴雨都能在限量水平检出玉米中的黄曲霉毒素。",
            ),
            ("Daniel Kimani", "Abebe Worku"),
        ),
        Talk(
            Text("When two laboratories disagree", "当两个实验室结果不一致时"),
            Text(
                "We followed one sample of honey through nine laboratories and found the disagreement in the weighing, not in the mass spectrometer.",
                "一份蜂蜜样品走过九个实验室，分歧来自称量，而不是质谱仪。",
            ),
            ("Anneliese Brandt",),
        ),
        Talk(
            Text("Heavy metals in lake fish: twenty years of one lake", "湖鱼重金属：一个湖的二十年"),
            Text(
                "A long series shows the effect of three clean-ups, and one that did nothing.",
                "长期数据显示三次治理的成效，以及一次毫无作用的治理。",
            ),
            ("Ouyang Wen", "Mei Lin"),
        ),
        Talk(
            Text("Allergens that hide in the steam", "藏在蒸汽里的过敏原"),
            Text(
                "Cooking spreads shellfish proteins further than anybody assumed. Measurements from twelve canteen kitchens.",
                "烹饪使贝类蛋白的扩散范围超出所有人的预期：十二个食堂厨房的测量结果。",
            ),
            ("Ingrid Sørlie",),
        ),
        Talk(
            Text("Raman spectra and the honest olive", "拉曼光谱与诚实的橄榄"),
            Text(
                "Adulterated oil is found by a shift of two wave numbers, if one knows the harvest.",
                "只要知道采收时间，两个波数的位移就能识别掺假的橄榄油。",
            ),
            ("Eleni Papadaki",),
        ),
        Talk(
            Text("Rapid screening of pesticide residues in tea", "茶叶农药残留的快速筛查"),
            Text(
                "One extraction, two hundred compounds, and a method that a county laboratory can afford.",
                "一次提取、两百种化合物，县级实验室也负担得起的方法。",
            ),
            ("Sima Xiangnan", "Hiruni Perera"),
        ),
    ],
    [
        Talk(
            Text("Vinegar without waiting: control of mixed cultures", "不必等待的醋：混菌发酵的控制"),
            Text(
                "Two sensors and a slow controller keep a mixed culture in the state that used to take a master brewer's nose.",
                "两个传感器和一个慢速控制器，就能让混菌体系保持在过去只有酿醋师傅鼻子才能把握的状态。",
            ),
            ("Zhuge Kongming",),
        ),
        Talk(
            Text("A yeast that makes its own vitamin", "会自产维生素的酵母"),
            Text(
                "Five borrowed genes and one deleted one; the bread tastes the same.",
                "引入五个基因、删除一个基因，面包味道不变。",
            ),
            ("Marek Dvořák", "Katarzyna Wiśniewska"),
        ),
        Talk(
            Text("Amber wine, clay jars and oxygen", "琥珀酒、陶罐与氧气"),
            Text(
                "How much air a buried jar lets in, measured for the first time over a whole winter.",
                "首次测量埋地陶罐在整个冬季透入的空气量。",
            ),
            ("Tamar Beridze",),
        ),
        Talk(
            Text("Cell-free enzymes for milk proteins without cows", "无细胞酶法生产非动物乳蛋白"),
            Text(
                "Yield, price and taste of a casein that never saw a pasture.",
                "一种从未见过牧场的酪蛋白：得率、价格与味道。",
            ),
            ("Rivka Shalev", "Chen Siyu"),
        ),
        Talk(
            Text("Tempeh from forgotten beans", "用被遗忘的豆类做天贝"),
            Text(
                "Seventeen local beans, one mould, and a tasting panel that changed its mind.",
                "十七种本地豆、一株霉菌，以及一个改变了主意的品评小组。",
            ),
            ("Sukarno",),
        ),
        Talk(
            Text("Scaling up: from shake flask to 20 cubic metres", "放大：从摇瓶到二十立方米"),
            Text(
                "What we wish somebody had told us about foam, heat and weekends.",
                "关于泡沫、热量和周末，我们多希望早有人告诉我们。",
            ),
            ("Liang Junhao",),
        ),
    ],
    [
        Talk(
            Text("Labels that fade when the fish is old", "鱼不新鲜时会褪色的标签"),
            Text(
                "A photochromic ink that runs backwards with amines: two winters of trials in fish markets.",
                "一种遇胺逆向变色的光致变色油墨：两个冬季的鱼市试验。",
            ),
            ("Haruto Kuroda", "Ingrid Sørlie"),
        ),
        Talk(
            Text("Barrier films from rice husk cellulose", "稻壳纤维素阻隔膜"),
            Text(
                "Oxygen barrier at eighty per cent humidity, the point at which most plant films give up.",
                "在多数植物基薄膜失效的 80% 湿度下仍保持阻氧性。",
            ),
            ("Nguyễn Thị Hạnh",),
        ),
        Talk(
            Text("What happens to a biodegradable cup in a real river", "可降解杯子在真实河流中会怎样"),
            Text("Ninety cups, three rivers, two years.", "九十个杯子，三条河，两年。"),
            ("Charlotte Whitfield",),
        ),
        Talk(
            Text("Antimicrobial light for cut fruit", "用于鲜切水果的抗菌光"),
            Text(
                "Blue light and a natural photosensitiser keep mango cubes for six more days without heat.",
                "蓝光加天然光敏剂，无需加热即可让芒果块多保鲜六天。",
            ),
            ("Siriporn Chaiyasit", "Weimin Zhao"),
        ),
        Talk(
            Text("Spiropyrans in silk: a soft sensor", "丝素中的螺吡喃：柔性传感器"),
            Text(
                "Silk holds a photoswitch without killing it, and tells pH by colour through a closed lid.",
                "丝素能容纳光开关而不使其失活，并透过密封盖以颜色显示 pH。",
            ),
            ("Wang Fang",),
        ),
        Talk(
            Text("Recycling multilayer pouches by light", "用光回收多层复合袋"),
            Text(
                "A glue that lets go under a lamp turns one mixed waste into three clean ones.",
                "一种在灯光下松开的胶黏剂，把一种混合废料变成三种洁净原料。",
            ),
            ("Hanna Lindqvist",),
        ),
    ],
    [
        Talk(
            Text("A digital twin for a noodle line", "面条生产线的数字孪生"),
            Text(
                "What the twin predicted, what it missed, and the day it was right against everybody.",
                "它预测了什么、漏掉了什么，以及它独自正确的那一天。",
            ),
            ("Xu Yating", "Liang Junhao"),
        ),
        Talk(
            Text("Drying herbs with waste heat", "利用余热干燥香草"),
            Text(
                "A village dryer behind a bakery: energy, colour, and who gets up at four.",
                "面包房后的乡村干燥机：能耗、色泽，以及谁在凌晨四点起床。",
            ),
            ("Fatemeh Rostami",),
        ),
        Talk(
            Text("Texture by numbers: predicting bite from images", "以数字描述质地：由图像预测咀嚼感"),
            Text(
                "A small network trained on bread, tested on tofu, and honest about where it fails.",
                "在面包上训练、在豆腐上测试的小型网络，坦陈其失败之处。",
            ),
            ("Priya Raman",),
        ),
        Talk(
            Text("High pressure and the colour of juice", "高压处理与果汁颜色"),
            Text(
                "Why the same pressure turns one juice brown and leaves another bright.",
                "为何同样的压力让一种果汁变褐，却让另一种保持鲜亮。",
            ),
            ("Emre Yıldız", "Giulia Marchetti"),
        ),
        Talk(
            Text("Cold chains that forgive: planning with bad data", "宽容的冷链：在数据不佳时做规划"),
            Text(
                "A plan that expects broken thermometers does better than one that trusts good ones.",
                "预设温度计会坏的方案，胜过轻信好温度计的方案。",
            ),
            ("Sunita Deshmukh",),
        ),
        Talk(
            Text("Extruding plant protein at low moisture", "低水分植物蛋白挤压"),
            Text("Fibre formation seen through a window in the barrel.", "透过机筒视窗观察纤维的形成。"),
            ("Jisoo Han",),
        ),
    ],
    [
        Talk(
            Text("The tea table as a classroom", "作为课堂的茶席"),
            Text(
                "Thirty international students learn chemistry, history and manners from one pot of tea.",
                "三十名国际学生从一壶茶中学习化学、历史与礼仪。",
            ),
            ("Wang Fang", "Isabelle Fontaine"),
        ),
        Talk(
            Text("Maize, memory and the milpa", "玉米、记忆与米尔帕"),
            Text(
                "Oral history from forty farms on why certain colours of maize are still planted.",
                "四十个农场的口述史：为何某些颜色的玉米至今仍被种植。",
            ),
            ("Javier Ortega", "Miguel Ángel Quispe"),
        ),
        Talk(
            Text("Teaching sensory science across cultures", "跨文化的感官科学教学"),
            Text(
                "One class, five words for 'crisp', and a scale that works in all of them.",
                "一个班级、五个表示“脆”的词，以及一个通用的量表。",
            ),
            ("Tan Wei Ling",),
        ),
        Talk(
            Text("Butter tea at four thousand metres", "海拔四千米的酥油茶"),
            Text(
                "Nutrition and ritual in a cup, measured and told by those who drink it.",
                "一碗茶中的营养与礼俗，由饮者讲述与测量。",
            ),
            ("Lobsang Dorje",),
        ),
        Talk(
            Text("School gardens and what children will try", "校园菜园与孩子愿意尝试的食物"),
            Text(
                "Children eat what they grew, for about six weeks. We look for what comes after.",
                "孩子会吃自己种的菜，大约六周。我们寻找之后的办法。",
            ),
            ("Lucía Ferrer",),
        ),
        Talk(
            Text("Recipes as data: a corpus of regional cooking", "作为数据的菜谱：地方烹饪语料库"),
            Text(
                "Twenty thousand hand-written recipes and the routes along which they travelled.",
                "两万份手写菜谱，以及它们流传的路线。",
            ),
            ("Dilnur Ablimit", "Xu Yating"),
        ),
    ],
]

WORKSHOPS = [
    Talk(
        Text("Workshop: your first photochromic ink", "工作坊：制作第一份光致变色油墨"),
        Text(
            "Bring nothing; take home a label that tells the time it spent in the sun. Limited to twenty.",
            "无需携带任何物品，带走一枚能记录日晒时间的标签。限二十人。",
        ),
        ("Haruto Kuroda",),
    ),
    Talk(
        Text("Workshop: tasting like a panel", "工作坊：像品评小组一样品尝"),
        Text(
            "Calibrate your tongue with twelve solutions and learn to write what you taste.",
            "用十二种溶液校准味觉，学会写下所尝的味道。",
        ),
        ("Tan Wei Ling", "Lucía Ferrer"),
    ),
    Talk(
        Text("Workshop: reading a metagenome", "工作坊：解读宏基因组"),
        Text(
            "From raw reads to a picture in three hours, on your own laptop.",
            "三小时内，用自己的电脑从原始序列做到图表。",
        ),
        ("Weimin Zhao", "Niamh O’Sullivan"),
    ),
    Talk(
        Text("Workshop: writing for people who do not study food", "工作坊：为非专业读者写作"),
        Text(
            "Turn one result of yours into two hundred words that your neighbour enjoys.",
            "把自己的一项成果写成邻居也爱读的两百字。",
        ),
        ("Charlotte Whitfield",),
    ),
]

PANELS = [
    Talk(
        Text("Panel: who owns a starter culture?", "圆桌：发酵菌种归谁所有？"),
        Text(
            "Families, firms and collections keep the same microbes. A conversation about credit, access and money.",
            "家庭、企业与菌种保藏机构保存着同样的微生物。一场关于归属、获取与收益的对话。",
        ),
        ("Mei Lin", "Tamar Beridze", "Sukarno", "Amina Diallo"),
    ),
    Talk(
        Text("Panel: studying abroad, cooking at home", "圆桌：留学在外，下厨在家"),
        Text(
            "Former exchange students on what they brought back, in suitcases and in habits.",
            "昔日交换生谈他们带回的东西：行李箱里的，和习惯里的。",
        ),
        ("Sardor Karimov", "Rafael Monteiro", "Tomás Echeverría", "Wang Fang"),
    ),
]

POSTERS = [
    Talk(
        Text("Quinoa milk and its foam", "藜麦奶及其泡沫"),
        Text("Why it holds for a minute, and how to make it two.", "为何只能保持一分钟，以及如何延长到两分钟。"),
        ("Miguel Ángel Quispe",),
    ),
    Talk(
        Text("Ultrasound against stubborn biofilms", "用超声对付顽固生物膜"),
        Text("Three frequencies on four surfaces.", "三种频率，四种表面。"),
        ("Olga Vetrova",),
    ),
    Talk(
        Text("Date palm waste as a growth medium", "椰枣废料作为培养基"),
        Text("A cheap sugar source for yeast in dry countries.", "干旱地区廉价的酵母糖源。"),
        ("Yusuf al-Rashid",),
    ),
    Talk(
        Text("Cassava detoxification at household scale", "家庭规模的木薯脱毒"),
        Text("A pot, a cloth and two days.", "一口锅、一块布和两天时间。"),
        ("Samuel Adeyemi",),
    ),
    Talk(
        Text("Salt reduction in noodles without loss of bite", "面条减盐而不失筋道"),
        Text("Layered dough puts the salt where the tongue is.", "分层面团把盐放在舌头能尝到的地方。"),
        ("Xu Yating",),
    ),
    Talk(
        Text("Sea buckthorn oil microcapsules", "沙棘油微胶囊"),
        Text("Release in the mouth, not in the bag.", "在口中释放，而不是在袋中。"),
        ("Batbayar Ganbold",),
    ),
    Talk(
        Text("Cheese rinds and their travelling mites", "奶酪外皮与旅行的螨"),
        Text("A map of mites along old trade roads.", "沿古商道的螨类分布图。"),
        ("Isabelle Fontaine",),
    ),
    Talk(
        Text("Pasteurising pomegranate with pulsed fields", "脉冲电场处理石榴汁"),
        Text("Colour stays, enzymes go.", "颜色留下，酶失活。"),
        ("Fatemeh Rostami",),
    ),
    Talk(
        Text("A low-cost bioreactor from kitchen parts", "用厨房零件搭建低成本反应器"),
        Text("Drawings, prices and a parts list.", "图纸、价格与零件清单。"),
        ("Rafael Monteiro",),
    ),
    Talk(
        Text("Bitter gourd peptides and taste receptors", "苦瓜肽与味觉受体"),
        Text("Docking, cells and brave volunteers.", "分子对接、细胞实验与勇敢的志愿者。"),
        ("Hiruni Perera",),
    ),
    Talk(
        Text("Smart lids for lunch boxes", "智能饭盒盖"),
        Text("A colour that says: eat me first.", "一种会说“先吃我”的颜色。"),
        ("Sima Xiangnan",),
    ),
    Talk(
        Text("Insects on the menu: a survey of canteens", "菜单上的昆虫：食堂调查"),
        Text("Who tries, who returns, who tells friends.", "谁尝试，谁再来，谁告诉朋友。"),
        ("Jisoo Han",),
    ),
    Talk(
        Text("Fair prices for small tea growers", "小茶农的公平价格"),
        Text("A ledger that growers can read.", "茶农看得懂的账本。"),
        ("Sunita Deshmukh",),
    ),
    Talk(
        Text("Rice varieties of one valley", "一个山谷的稻种"),
        Text("Thirty-one names for nineteen kinds.", "三十一个名字，十九个品种。"),
        ("Nguyễn Thị Hạnh",),
    ),
    Talk(
        Text("Seaweed salt on four coasts", "四处海岸的海藻盐"),
        Text("Iodine, taste and a harvest calendar.", "碘、味道与采收日历。"),
        ("Aroha Ngata",),
    ),
    Talk(
        Text("Starch films that heal themselves", "自愈合淀粉膜"),
        Text("Scratches close in an hour of kitchen humidity.", "在厨房湿度下，划痕一小时内愈合。"),
        ("Katarzyna Wiśniewska",),
    ),
]

# Given names and surnames by country, for those who registered; the order is the country's.
ATTENDEES = {
    "CN": (
        ["伟", "娜", "敏", "静", "磊", "洋", "秀英", "浩然", "子涵", "雨桐"],
        ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴"],
    ),
    "DE": (["Lena", "Jonas", "Miriam", "Felix", "Greta"], ["Hoffmann", "Krüger", "Schäfer", "Vogel", "Lindner"]),
    "IN": (["Aarav", "Diya", "Kabir", "Meera", "Rohan"], ["Iyer", "Kulkarni", "Bose", "Chauhan", "Nair"]),
    "NG": (["Chidi", "Ngozi", "Tunde", "Zainab"], ["Okonkwo", "Balogun", "Danjuma", "Eze"]),
    "BR": (["João", "Beatriz", "Thiago", "Larissa"], ["Gonçalves", "Araújo", "Pereira", "Assunção"]),
    "KR": (["Minjun", "Seoyeon", "Jiho", "Hayoon"], ["Kim", "Lee", "Park", "Choi"]),
    "KZ": (["Aigerim", "Nurlan", "Dana", "Yerlan"], ["Suleimenov", "Abenova", "Zhaksybekov"]),
    "EG": (["Omar", "Nour", "Salma", "Karim"], ["Hassan", "El-Sayed", "Mansour", "Fahmy"]),
    "VN": (["Anh", "Minh", "Thảo", "Huy"], ["Trần", "Lê", "Phạm", "Võ"]),
    "US": (["Hannah", "Marcus", "Elena", "Jordan"], ["Whitaker", "Ramirez", "Olsen", "Brooks"]),
    "PK": (["Ayesha", "Bilal", "Hira", "Usman"], ["Qureshi", "Siddiqui", "Malik"]),
    "FR": (["Chloé", "Étienne", "Manon", "Rémi"], ["Lefèvre", "Girard", "Moreau"]),
}

# Pinyin for the surnames and given names above: what these people's passports say.
PINYIN = {
    "王": "Wang", "李": "Li", "张": "Zhang", "刘": "Liu", "陈": "Chen", "杨": "Yang", "赵": "Zhao", "黄": "Huang", "周": "Zhou", "吴": "Wu",
    "伟": "Wei", "娜": "Na", "敏": "Min", "静": "Jing", "磊": "Lei", "洋": "Yang", "秀英": "Xiuying", "浩然": "Haoran", "子涵": "Zihan", "雨桐": "Yutong",
}  # fmt: skip

UNIVERSITIES = [
    "Lakeside University", "Taihu Institute of Biotechnology", "Nordic Institute of Fermentation", "Volta Regional University",
    "Deccan Institute of Agriculture", "Universidade do Cerrado", "Hanbit National University", "Elbe University of Applied Sciences",
    "Chao Phraya Institute of Food", "Rift Valley Institute of Science", "École des Arts Culinaires du Rhône", "Straits Institute of Food Technology",
]  # fmt: skip
