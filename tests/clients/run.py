#!/usr/bin/env python3
"""Runs programs of Python and Node.js against the server, and what users build with them.

    run.py [SERVER-BINARY [NAME…]]     (default: target/release/evenkeel and all programs)

Each file of `python/` and `node/` is a program. It gets a server of its own, where it is by
PORT, TLS_PORT and CERTIFICATES (a folder) in its environment, and says by its exit code whether
everything was as with Redis. Libraries are installed into a temporary folder, in the versions of
`requirements.txt` and `package.json`.

With CLIENTS=all in the environment the programs below `rare/` run, too. With CLIENTS_FOLDER=…
that folder is used and kept, so the next run has nothing to install.

Needs python3 with venv, node 20 or newer, npm, openssl, and access to the package registries.
`run.py /usr/bin/redis-server` shows what Redis does.
"""

import concurrent.futures
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
# The longest program takes a quarter of this on two cores.
PROGRAM_SECONDS_MAX = 60
START_SECONDS_MAX = 20
# What a server must not write into its log.
COMPLAINTS = ("panicked", "BUG", "assertion")


def run(*arguments, **options):
    """Runs a command to its end; what it printed is shown if it fails."""
    words = [str(argument) for argument in arguments]
    done = subprocess.run(words, capture_output=True, text=True, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")


class Language:
    """A folder of programs, and how they are installed and run."""

    def __init__(self, source, installed, suffix):
        self.source = source
        self.installed = installed
        self.suffix = suffix

    def programs(self, names):
        """The files that are programs; those named `support…` are used by them."""
        files = sorted(self.source.glob(f"*{self.suffix}"))
        programs = [file for file in files if not file.name.startswith("support")]
        return [file for file in programs if not names or file.stem in names]


class Python(Language):
    def __init__(self, source, installed):
        super().__init__(source, installed, ".py")

    def install(self):
        list_of_packages = self.source / "requirements.txt"
        if not (self.installed / "bin").exists():
            run(sys.executable, "-m", "venv", self.installed)
        pip = (self.installed / "bin/pip", "--quiet", "--disable-pip-version-check")
        run(*pip, "install", "--no-compile", "-r", list_of_packages)

    def command(self, program):
        return [self.installed / "bin/python", program]


class Node(Language):
    def __init__(self, source, installed):
        super().__init__(source, installed, ".mjs")

    def install(self):
        # Node looks for packages beside the program, so the programs go where the packages are.
        self.installed.mkdir(exist_ok=True)
        shared = (HERE / "node").glob("support*")
        for file in [*shared, *self.source.glob(f"*{self.suffix}"), self.source / "package.json"]:
            (self.installed / file.name).write_bytes(file.read_bytes())
        quietly = ("--silent", "--no-fund", "--no-audit", "--no-package-lock", "--ignore-scripts")
        run("npm", "install", *quietly, cwd=self.installed)

    def command(self, program):
        return ["node", self.installed / program.name]


class Debian(Language):
    """Programs of other languages with what Debian packages of them; tried where that is installed."""

    INTERPRETERS = {".php": "php", ".rb": "ruby"}

    def __init__(self, source):
        super().__init__(source, None, "")

    def programs(self, names):
        programs = super().programs(names)
        return [program for program in programs if shutil.which(self.INTERPRETERS[program.suffix])]

    def install(self):
        pass

    def command(self, program):
        return [self.INTERPRETERS[program.suffix], program]


def make_certificates(folder):
    """An authority, and what it signs: `server` for the server, `app` for a client."""
    folder.mkdir(exist_ok=True)
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    authority = ("-subj", "/CN=an authority", "-keyout", "ca.key", "-out", "ca.pem")
    run("openssl", "req", "-x509", *key, *authority, cwd=folder)
    names = "subjectAltName=DNS:localhost,IP:127.0.0.1"
    for name in ("server", "app"):
        files = ("-keyout", f"{name}.key", "-out", f"{name}.pem")
        signer = ("-CA", "ca.pem", "-CAkey", "ca.key", "-addext", names)
        extensions = ("-addext", "basicConstraints=critical,CA:FALSE")
        subject = ("-subj", f"/CN={name}")
        run("openssl", "req", "-x509", *key, *subject, *files, *signer, *extensions, cwd=folder)


def free_ports(count):
    """Ports that nobody listened on a moment ago."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in sockets]
    for listener in sockets:
        listener.close()
    return ports


class Server:
    """A server that runs, in a folder of its own."""

    def __init__(self, binary, folder, certificates):
        folder.mkdir()
        self.log = folder / "log"
        self.port, self.tls_port = free_ports(2)
        arguments = f"--bind 127.0.0.1 --port {self.port} --tls-port {self.tls_port}".split()
        arguments += ["--save", "", "--tls-auth-clients", "optional"]
        arguments += ["--tls-cert-file", certificates / "server.pem"]
        arguments += ["--tls-key-file", certificates / "server.key"]
        arguments += ["--tls-ca-cert-file", certificates / "ca.pem"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                [binary, *arguments], cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.wait()

    def wait(self):
        until = time.monotonic() + START_SECONDS_MAX
        while self.process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self.tls_port)).close()
                return
            except ConnectionRefusedError:
                time.sleep(0.02)
        self.process.kill()
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def end(self):
        """Ends the server; a text if it had died, complained or did not end well."""
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = "none, it was killed"
        log = self.log.read_text(errors="replace")
        if code == 0 and not any(complaint in log for complaint in COMPLAINTS):
            return ""
        return f"the server ended with code {code}; its log:\n{log}"


def try_program(language, program, binary, work):
    """What went wrong with one program and its server, or an empty text."""
    server = Server(binary, work / f"server-{program.name}", work / "certificates")
    environment = os.environ | {
        "PORT": str(server.port),
        "TLS_PORT": str(server.tls_port),
        "CERTIFICATES": str(work / "certificates"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(HERE / "python"),
    }
    # A session of its own, so that workers which the program left behind can be ended with it.
    process = subprocess.Popen(
        [str(word) for word in language.command(program)],
        env=environment,
        cwd=work,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=PROGRAM_SECONDS_MAX)
        trouble = "" if process.returncode == 0 else f"code {process.returncode}:\n{output}"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        trouble = f"did not end within {PROGRAM_SECONDS_MAX} seconds:\n{output}"
    return trouble + server.end()


def main(binary, names):
    with tempfile.TemporaryDirectory() as temporary:
        work = pathlib.Path(os.environ.get("CLIENTS_FOLDER") or temporary).resolve()
        work.mkdir(exist_ok=True)
        folders = [HERE] + [HERE / "rare"] * (os.environ.get("CLIENTS") == "all")
        languages = []
        for folder in folders:
            languages.append(Python(folder / "python", work / f"python-{folder.name}"))
            languages.append(Node(folder / "node", work / f"node-{folder.name}"))
            languages.append(Debian(folder / "debian"))
        servers = pathlib.Path(tempfile.mkdtemp(dir=work))
        make_certificates(servers / "certificates")
        begin = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(lambda language: language.install(), languages))
        print(f"installed in {time.monotonic() - begin:.0f} s", flush=True)
        return try_programs(languages, names, binary, servers)


def try_programs(languages, names, binary, work):
    """Tries all programs, as many at a time as there are processors; the code to end with."""
    failed_count = passed_count = 0

    def timed(job):
        begin = time.monotonic()
        return *job, try_program(*job, binary, work), time.monotonic() - begin

    jobs = [(language, program) for language in languages for program in language.programs(names)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for language, program, trouble, seconds in pool.map(timed, jobs):
            name = program.relative_to(HERE)
            print(f"{name}: {trouble or 'as with Redis'} ({seconds:.1f} s)", flush=True)
            failed_count += bool(trouble)
            passed_count += not trouble
    print(f"{passed_count} passed, {failed_count} failed")
    return 1 if failed_count or not passed_count else 0


if __name__ == "__main__":
    default = HERE.parent.parent / "target/release/evenkeel"
    server = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else default).absolute()
    sys.exit(main(server, sys.argv[2:]))
