"""What c3voc's schedule tools read in a schedule.json, and the XML that they make of it: FOLDER FILE → JSON."""

import json
import sys
from datetime import UTC
from pathlib import Path
from types import ModuleType

folder, file = sys.argv[1:]
# The package's own beginning imports readers of web pages and repositories, which have no part in this.
package = ModuleType("voc")
package.__path__ = [str(Path(folder) / "voc")]
sys.modules["voc"] = package
for name, attribute in (("git", "Repo"), ("bs4", "Tag")):
    sys.modules[name] = ModuleType(name)
    setattr(sys.modules[name], attribute, object)

from voc.schedule import Schedule  # type: ignore[import-not-found]  # noqa: E402

schedule = Schedule(json=json.loads(Path(file).read_text()))
found = []
schedule.foreach_event(
    lambda event: found.append({"guid": event["guid"], "start": event.start.astimezone(UTC).isoformat()})
)
print(json.dumps({"events": found, "xml": schedule.xml()}))  # noqa: T201 (this is the answer)
