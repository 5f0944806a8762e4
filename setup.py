"""The step that pyproject.toml cannot say: the grammar lies beside the package, and goes into the wheel."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

GRAMMAR = Path("grammar", "bilevel.lark")


class BuildWithGrammar(build_py):
    def run(self):
        super().run()
        if not self.editable_mode:  # an editable install finds it where it is
            target = Path(self.build_lib, "bilevel_dsl", GRAMMAR)
            self.mkpath(str(target.parent))
            self.copy_file(str(GRAMMAR), str(target))

    def get_outputs(self, include_bytecode=True):
        return [*super().get_outputs(include_bytecode), str(Path(self.build_lib, "bilevel_dsl", GRAMMAR))]


setup(cmdclass={"build_py": BuildWithGrammar})
