# SPDX-License-Identifier: BSD-3-Clause
"""Kernel and initramfs of the test guests, made from Debian's packages and cached.

The kernel is unpacked from linux-image-cloud-amd64 (downloaded, never installed); busybox (its
shell and ip) and iperf3 are the installed ones. The cache is $VSWITCH_CACHE, else
$XDG_CACHE_HOME/vswitch, else /var/cache/vswitch.
"""

import dataclasses
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

_KERNEL_PACKAGE = "linux-image-cloud-amd64"
_MODULES = ("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci",
            "failover", "net_failover", "virtio_net")
_PROGRAMS = ("/usr/bin/iperf3",)
_PYTHON = "/usr/bin/python3"
_APPLETS = ("base64 cat dd echo head insmod ip kill ls mkdir mount nc ping poweroff printf reboot "
            "rmmod sed seq sh sha256sum sleep stty timeout true uname wc").split()
_INIT = pathlib.Path(__file__).with_name("guest_init.sh")


@dataclasses.dataclass(frozen=True)
class GuestImage:
    kernel: pathlib.Path
    initramfs: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Extras:
    """What a guest has beside what all have: kernel modules (for the test to insmod, from
    /lib/modules), programs, Python's interpreter with modules of its standard library, and modules
    of `support`, in /support."""
    modules: tuple = ()
    programs: tuple = ()
    python: tuple = ()
    support: tuple = ()


def cache_dir():
    base = os.environ.get("VSWITCH_CACHE")
    if not base:
        base = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "vswitch"
    return pathlib.Path(base)


def guest_image(say=lambda line: None, extras=Extras()):
    """The image, built first when the cache has none. `say` is told of what takes long."""
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kernel_tree = _kernel_tree(cache, say)
        return GuestImage(next(kernel_tree.glob("boot/vmlinuz-*")),
                          _initramfs(cache, kernel_tree, extras, say))


def _run(argv, **kwargs):
    result = subprocess.run([str(arg) for arg in argv], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, **kwargs)
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))}: status {result.returncode}\n"
                           f"{result.stdout}")
    return result.stdout


def _kernel_tree(cache, say):
    """The unpacked kernel package. Whatever version the cache has will do: a test run must not
    need the network twice."""
    trees = sorted(cache.glob("linux-image-*-cloud-amd64"))
    if trees:
        return trees[-1]
    with tempfile.TemporaryDirectory(dir=cache) as work:
        work = pathlib.Path(work)
        package, deb = _download_kernel(work, say)
        _run(["dpkg", "-x", deb, work / "tree"])
        (work / "tree").rename(cache / package)
    return cache / package


def _download_kernel(work, say):
    say(f"downloading {_KERNEL_PACKAGE} (27 MB) for the guests, once")
    try:
        return _apt_download(work)
    except RuntimeError:
        say("package lists are missing or old: apt-get update")
        _run(["apt-get", "-q", "update"])
        return _apt_download(work)


def _apt_download(work):
    depends = _run(["apt-cache", "depends", _KERNEL_PACKAGE])
    match = re.search(r"Depends: (linux-image-\S+-cloud-amd64)", depends)
    if not match:
        raise RuntimeError(f"apt knows no {_KERNEL_PACKAGE}:\n{depends}")
    _run(["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", match[1]], cwd=work)
    return match[1], next(work.glob("*.deb"))


def _initramfs(cache, kernel_tree, extras, say):
    """The initramfs for this kernel, init and set of programs."""
    files = _contents(kernel_tree, extras)
    digest = hashlib.sha256(" ".join(_APPLETS).encode())
    for target, source in sorted(files.items()):
        digest.update(f"{target}\0{source}\0".encode() + source.read_bytes())
    path = cache / f"guest-{digest.hexdigest()[:16]}.cpio"
    if not path.exists():
        say("packing the guests' initramfs")
        _pack(files, path)
    return path


def _contents(kernel_tree, extras):
    """Path in the guest to file on this machine."""
    files = {"init": _INIT, "bin/busybox": pathlib.Path("/bin/busybox")}
    for module in _MODULES + extras.modules:
        # A driver that this kernel has built in has no file; guest_init.sh then fails to load it,
        # which does no harm.
        for source in kernel_tree.glob(f"lib/modules/*/kernel/**/{module}.ko"):
            files[f"lib/modules/{module}.ko"] = source
    for program in _PROGRAMS + extras.programs:
        files[f"bin/{os.path.basename(program)}"] = pathlib.Path(program)
        files.update(_libraries(program))
    for module in extras.support:
        files[f"support/{module}.py"] = _INIT.with_name(f"{module}.py")
    if extras.python:
        files.update(_python(extras.python))
    return files


def _libraries(binary):
    return {library.lstrip("/"): pathlib.Path(library)
            for library in re.findall(r"(/\S+) \(0x", _run(["ldd", binary]))}


def _python(modules):
    """The interpreter and all that these modules import, compiled as well."""
    script = (f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
              "for module in list(sys.modules.values()):\n"
              "    for name in ('__file__', '__cached__'):\n"
              "        print(getattr(module, name, None) or '')")
    files = {"bin/python3": pathlib.Path(_PYTHON), **_libraries(_PYTHON)}
    for path in map(pathlib.Path, _run([_PYTHON, "-I", "-S", "-c", script]).split()):
        if path.is_file():
            files[str(path).lstrip("/")] = path
            if path.suffix == ".so":
                files.update(_libraries(path))
    return files


def _pack(files, path):
    with tempfile.TemporaryDirectory() as root:
        root = pathlib.Path(root)
        for directory in ("dev", "proc", "sys", "tmp"):
            (root / directory).mkdir()
        for target, source in files.items():
            (root / target).parent.mkdir(parents=True, exist_ok=True)
            # With its time: Python compares that of a source with its compiled form.
            shutil.copy2(source.resolve(), root / target)
        for applet in _APPLETS:
            if f"bin/{applet}" not in files:
                (root / "bin" / applet).symlink_to("busybox")
        (root / "init").chmod(0o755)
        names = "\n".join(str(p.relative_to(root)) for p in sorted(root.rglob("*")))
        scratch = path.with_suffix(".new")
        # Not compressed: QEMU hands it over in no time, the guest would need a second to inflate.
        with open(scratch, "wb") as output:
            subprocess.run(["cpio", "--quiet", "-o", "-H", "newc", "-R", "0:0"], cwd=root,
                           input=names.encode(), stdout=output, check=True)
        scratch.rename(path)
