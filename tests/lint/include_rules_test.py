#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Plants violations of the include rules in a copy of the tree; each must be found where it is."""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

import sources

CHECK = pathlib.Path(__file__).with_name("include_rules.py")

VIOLATIONS = (
    ("config/options.h", '#include "dataplane/packet.h"'),
    ("config/options.cc", '#include "control/rtnl.h"'),
    ("dataplane/worker.cc", '#include "pmd/factory.h"'),
    ("dataplane/worker.cc", '#include "config/options.h"'),
    ("dataplane/worker.cc", "#include <rte_ethdev.h>"),
    ("dataplane/netdev.h", '#include "dataplane/packet_buffer.h"'),
    ("dataplane/netdev.h", "#include <rte_mbuf.h>"),
    ("dataplane/veth.cc", '#include "dataplane/packet_buffer.h"'),
    ("dataplane/sink.cc", "#include <rte_mbuf_core.h>"),
    ("pmd/factory.h", '#include "control/device.h"'),
    ("pmd/factory.h", '#include "config/options.h"'),
    ("control/rtnl.h", '#include "pmd/vhost_backend.h"'),
    ("control/rtnl.h", "  #  include <rte_vhost.h>"),
    ("control/process.cc", '#include "tests/support/frames.h"'),
    ("control/process.cc", '#include "perf/options.h"'),
    ("control/process.cc", '#include "rtnl.h"'),
)

HARMLESS = (
    ("control/rtnl.h", '#include "pmd/factory.h"'),
    ("control/rtnl.h", '#include "dataplane/dataplane.h"'),
    ("control/process.cc", '// #include "perf/options.h"'),
    ("pmd/factory.h", "#include <rte_ethdev.h>"),
    ("pmd/factory.h", '#include "dataplane/packet_buffer.h"'),
)


class IncludeRulesTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="vswitch-lint-")
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)
        for path in sources.cpp_files():
            copy = self.root / path.relative_to(sources.ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)

    def check(self):
        return subprocess.run([sys.executable, CHECK, self.root], capture_output=True, text=True,
                              check=False)

    def plant(self, name, line):
        """Puts `line` first; returns how to take it away again."""
        path = self.root / name
        text = path.read_text()
        path.write_text(f"{line}\n{text}")
        return lambda: path.write_text(text)

    def test_the_copy_is_clean(self):
        result = self.check()
        self.assertEqual(result.returncode, 0, result.stdout)

    def test_each_violation_is_found(self):
        for name, line in VIOLATIONS:
            with self.subTest(file=name, line=line):
                undo = self.plant(name, line)
                result = self.check()
                undo()
                self.assertEqual(result.returncode, 1)
                self.assertIn(f"{name}:1: ", result.stdout)
                self.assertEqual(len(result.stdout.splitlines()), 1, result.stdout)

    def test_what_is_allowed_passes(self):
        for name, line in HARMLESS:
            with self.subTest(file=name, line=line):
                undo = self.plant(name, line)
                result = self.check()
                undo()
                self.assertEqual(result.returncode, 0, result.stdout)


if __name__ == "__main__":
    unittest.main()
