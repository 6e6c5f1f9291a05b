import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.core.validators
from django.db import migrations, models

import common.text


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="institution",
            name="search_text",
            field=models.TextField(default="", editable=False),
        ),
        migrations.AddField(
            model_name="institution",
            name="name_keys",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=300), default=list, editable=False, size=None
            ),
        ),
        migrations.AlterField(
            model_name="institution",
            name="ror_id",
            field=models.CharField(
                blank=True,
                max_length=30,
                validators=[
                    django.core.validators.RegexValidator(
                        "^0[a-hj-km-np-tv-z0-9]{6}[0-9]{2}\\Z", "Write the ROR id, such as 04mkzax54."
                    )
                ],
                verbose_name="ROR id",
            ),
        ),
        migrations.AddIndex(
            model_name="institution",
            index=django.contrib.postgres.indexes.GinIndex(fields=["domains"], name="accounts_institution_domains"),
        ),
        migrations.AddIndex(
            model_name="institution",
            index=django.contrib.postgres.indexes.GinIndex(fields=["name_keys"], name="accounts_institution_names"),
        ),
        migrations.AddField(
            model_name="person",
            name="family_name",
            field=models.CharField(
                blank=True,
                max_length=200,
                validators=[common.text.validate_single_line],
                verbose_name="family name",
            ),
        ),
    ]
