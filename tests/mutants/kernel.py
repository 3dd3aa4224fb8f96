"""A kernel that is built once, and then again and again with one file otherwise: in seconds.

Kbuild writes beside each object the command that made it and the files that it was made of (.tcp.o.cmd), and
says, asked for it, how it links. A patched kernel is those commands again, for the objects that a touched file is part
of, and that link with these objects in the places of the right ones. Neither the tree nor what was built of it is
written to, so many can be made of it at once.

One thing is not as Kbuild would do it: the table of symbols that an oops is printed with stays the right kernel's. That
the rest is, is tried at the start: the link without any change has to give the kernel that Kbuild made, byte for byte,
and an object that is compiled again the one that it made.
"""
import re
import shlex
import shutil
import subprocess
from pathlib import Path

OBJECTS, KERNEL = "vmlinux.a", "vmlinux"


class NoPatch(Exception):
    pass


class NotBuilt(Exception):
    pass


def call(words, folder):
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = [line for line in done.stderr.splitlines() if "error" in line.lower()] or done.stderr.splitlines()
        raise NotBuilt(f"{Path(words[0]).name}: {lines[0] if lines else done.returncode}")
    return done.stdout


def same(one, other):
    return Path(one).read_bytes() == Path(other).read_bytes()


class Kernel:
    def __init__(self, builder, tree):
        self.tree, built = tree, self.build(builder, tree)
        self.out = built.parent
        self.objects = call(["ar", "t", OBJECTS], self.out).split()
        self.commands = dict(self.read_commands())
        self.link_words = self.read_link()
        again = self.out / "sockproof-again"
        self.link({}, again)
        if not same(again, built):
            raise NotBuilt("linked again it is not the kernel that was built")
        again.unlink()
        self.tried = False

    @staticmethod
    def build(builder, tree):
        """Has it linked anew, and said how."""
        def once(**say):
            done = subprocess.run(["env", *(f"{k}={v}" for k, v in say.items()), str(builder), "--source", str(tree)],
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise NotBuilt(f"the kernel does not build:\n{done.stderr}")
            return Path(done.stdout.strip())
        built = once()
        (built.parent / KERNEL).unlink(missing_ok=True)
        return once(KBUILD_VERBOSE=1)

    def read_commands(self):
        """Of each object that is linked: the words of its command, and what it was made of."""
        for name in self.objects:
            path = self.out / name
            text = (path.parent / f".{path.name}.cmd").read_text()
            command = re.search(r"^(?:saved)?cmd_\S+ := (.*)$", text, re.MULTILINE).group(1)
            files = {word[len(f"{self.tree}/"):] for word in text.split() if word.startswith(f"{self.tree}/")}
            yield name, (command, files)

    def read_link(self):
        lines = [line.lstrip("+ ") for line in (self.out / "build.log").read_text().splitlines()
                 if f" -o {KERNEL} " in line and OBJECTS in line]
        if not lines:
            raise NotBuilt(f"the kernel's build does not say how it links {KERNEL}: {self.out}/build.log")
        return shlex.split(lines[-1])

    def copy(self, to):
        shutil.copy(self.out / "linux", to)
        return to

    def link(self, changed, to):
        names = to.with_name(f"{to.name}.objects")
        names.write_text("".join(f"{changed.get(name, name)}\n" for name in self.objects))
        words = {OBJECTS: f"@{names}", KERNEL: str(to)}
        call([words.get(word, word) for word in self.link_words], self.out)
        names.unlink()

    def words(self, name, patched, to):
        """An object's command, with a folder of patched files looked at before the tree."""
        tree, out = f"{self.tree}/", []
        for word in shlex.split(self.commands[name][0]):
            if word == ";":
                break  # what follows looks at the object, it does not make it
            if word.startswith(("-Wp,-MMD,", "-Wp,-MD,")):
                continue
            if word.startswith(f"-I{tree}") and (patched / word[2 + len(tree):]).is_dir():
                out.append(f"-I{patched}/{word[2 + len(tree):]}")
            elif word.startswith(tree) and (patched / word[len(tree):]).exists():
                where = patched / word[len(tree):]
                if word.endswith((".c", ".S")):  # its neighbours, where they are not patched
                    out += ["-iquote", str(Path(word).parent)]
                word = str(where)
            out.append(str(to) if word == name else word)
        return [out[0], f"-fmacro-prefix-map={patched}/=", *out[1:]]

    def compile(self, name, patched, to):
        source = next(word[len(f"{self.tree}/"):] for word in reversed(shlex.split(self.commands[name][0]))
                      if word.startswith(f"{self.tree}/") and word.endswith((".c", ".S")))
        if not (patched / source).exists():
            (patched / source).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.tree / source, patched / source)
        call(self.words(name, patched, to), self.out)

    def try_compiling(self, name, folder):
        if not self.tried:
            self.tried = True
            self.compile(name, folder / "right", folder / "right.o")
            if not same(folder / "right.o", self.out / name):
                raise NotBuilt(f"{name}, compiled again, is not the object that was built")

    def with_patch(self, patch, files, folder):
        """A kernel with these files patched, made in this folder: its path."""
        patched = folder / "tree"
        for name in files:
            if not (self.tree / name).is_file():
                raise NoPatch
            (patched / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.tree / name, patched / name)
        done = subprocess.run(["patch", "-p1", "--force", "--silent", "--no-backup-if-mismatch", "-r", "-",
                               "-d", str(patched), "-i", str(patch)], capture_output=True, check=False)
        if done.returncode != 0:
            raise NoPatch
        for name in files:
            if not any(name in made_of for _, made_of in self.commands.values()):
                raise NotBuilt(f"{name} is part of no object of this kernel")
        changed = {}
        for name, (_, made_of) in self.commands.items():
            if made_of.intersection(files):
                self.try_compiling(name, folder)
                changed[name] = folder / f"{len(changed)}.o"
                self.compile(name, patched, changed[name])
        self.link(changed, folder / KERNEL)
        return folder / KERNEL
