"""What keeps a course from being used."""

from __future__ import annotations
import contextlib
import errno
import fcntl
import json
import os
import re
import secrets
import stat
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError
from autograder.assignment.source import find_root
from autograder.errors import UserError


class CourseError(UserError):
    """A course cannot be used as it stands; the message says why and what to do."""


class Incomplete(CourseError):
    """Something could not be done for some submissions; it was for all the others."""
