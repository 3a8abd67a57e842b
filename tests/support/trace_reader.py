# SPDX-License-Identifier: BSD-3-Clause
"""Reads what DPDK's rte_trace saved (a directory in the Common Trace Format), and the static probes
of a program (systemtap's notes in its ELF file)."""

import re
import struct
import subprocess

_EVENT = re.compile(
    r'event \{\s*id = (\d+);\s*name = "([^"]+)";\s*fields := struct \{(.*?)\n    \};', re.S)
_FIELD = re.compile(r"(\w+) (\w+)(?:\[(\d+)\])?;")
_FORMATS = {"uint8_t": "B", "uint16_t": "H", "uint32_t": "I", "uint64_t": "Q", "int8_t": "b",
            "int16_t": "h", "int32_t": "i", "int64_t": "q"}
_STREAM_HEADER = 56  # magic, UUID, core and name of the thread
_ALIGNMENT = 8  # of each event, counted from the end of the stream's header
_ID_SHIFT = 48  # the rest of an event's header is a time


def saved_events(directory):
    """What a process that was started with --trace-dir saved when it ended: a list of (name,
    {field: value}), those of each thread in order."""
    (session,) = directory.iterdir()
    layouts = _layouts((session / "metadata").read_text())
    return [event for channel in sorted(session.glob("channel*"))
            for event in _events(channel.read_bytes()[_STREAM_HEADER:], layouts)]


def _layouts(metadata):
    """Name and fields by id."""
    return {int(number): (name, _FIELD.findall(fields))
            for number, name, fields in _EVENT.findall(metadata)}


def _events(stream, layouts):
    offset = 0
    while offset < len(stream):
        (header,) = struct.unpack_from("<Q", stream, offset)
        name, fields = layouts[header >> _ID_SHIFT]
        offset += struct.calcsize("<Q")
        values = {}
        for kind, field, length in fields:
            layout = f"<{length}s" if length else f"<{_FORMATS[kind]}"
            (value,) = struct.unpack_from(layout, stream, offset)
            values[field] = value.split(b"\0")[0].decode() if length else value
            offset += struct.calcsize(layout)
        yield name, values
        offset = -(-offset // _ALIGNMENT) * _ALIGNMENT


def static_probes(program):
    """Number of arguments by "provider:name"; the most, if a probe is there more than once."""
    notes = subprocess.run(["readelf", "--notes", "--wide", program], capture_output=True,
                           text=True, check=True).stdout
    probes = {}
    for provider, name, arguments in re.findall(
            r"Provider: (\S+)\s+Name: (\S+)\s+Location:.*\n\s+Arguments:(.*)", notes):
        key = f"{provider}:{name}"
        probes[key] = max(probes.get(key, 0), arguments.count("@"))
    return probes
