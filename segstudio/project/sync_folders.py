"""Whether a folder is copied to other computers by a sync program: what is saved there is sent each time."""

import os
import re
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

#: What sync programs call their folder: Dropbox, OneDrive, Google Drive, Nextcloud, ownCloud, iCloud, pCloud, Box.
_NAMES: Final = re.compile(
    r"dropbox( \(.*\))?|onedrive( ?[-–] ?.*)?|google ?drive|nextcloud\d*|owncloud\d*|icloud ?drive|mobile documents"
    r"|com~apple~clouddocs|cloudstorage|pcloud ?drive|box sync|syncthing",
    re.IGNORECASE,
)
#: What they keep in it.
_MARKERS: Final = re.compile(
    r"\.dropbox(\.cache)?|\.(nextcloud|owncloud)sync\.log|\._?sync_[0-9a-f]+\.db|\.stfolder|\.tmp\.drive(up|down)load",
    re.IGNORECASE,
)
#: Where Windows says that OneDrive lies.
_VARIABLES: Final = ("OneDrive", "OneDriveCommercial", "OneDriveConsumer")


@lru_cache(maxsize=64)
def is_synchronized(folder: Path) -> bool:
    """Return whether a folder lies in that of a sync program, as far as names and its files tell; asks once."""
    places = dict.fromkeys((folder, *folder.parents))
    with suppress(OSError):
        places |= dict.fromkeys((real := folder.resolve(), *real.parents))
    said = {os.path.normcase(value) for name in _VARIABLES if (value := os.environ.get(name))}
    return any(
        _NAMES.fullmatch(place.name) is not None or os.path.normcase(place) in said or _has_marker(place)
        for place in places
    )


def _has_marker(folder: Path) -> bool:
    with suppress(OSError), os.scandir(folder) as entries:
        return any(_MARKERS.fullmatch(entry.name) is not None for entry in entries)
    return False
