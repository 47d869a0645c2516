#!/usr/bin/env python3
"""Check a directory of GraphQL files against Railway's full schema.

    python3 tests/railway_server/check_graphql.py graphql/

Read every *.graphql file in the directory, recursively. Type definitions are
treated as the project's subset of the schema, operations and fragments as the
documents that the program sends. Print one line per problem, and exit with 1
if there is any:

- an operation that the full schema rejects, or that uses a deprecated field
  (a deprecated field is a warning: printed, not counted);
- a subset type, field, argument, enum value or input field that the full
  schema does not have, or has with another kind, type or nullability;
- a required argument or input field that the subset leaves out.

The full schema is schema.graphql in the directory of this file. Needs
graphql-core, which is installed with pip if it is missing.
"""
import pathlib
import subprocess
import sys

try:
    import graphql  # noqa: F401
except ImportError:
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "graphql-core>=3.2,<3.3"], check=True)

from graphql import DocumentNode, GraphQLError, build_schema, parse, validate
from graphql.language import ast
from graphql.type import (
    is_enum_type, is_input_object_type, is_interface_type, is_object_type,
    is_required_argument, is_required_input_field, is_scalar_type, is_union_type,
)
from graphql.validation import NoDeprecatedCustomRule

OPERATION_NODES = (ast.OperationDefinitionNode, ast.FragmentDefinitionNode)
BUILT_IN = {"String", "Int", "Float", "Boolean", "ID"}


def kind(t):
    for test, name in ((is_object_type, "type"), (is_input_object_type, "input"), (is_enum_type, "enum"),
                       (is_scalar_type, "scalar"), (is_interface_type, "interface"), (is_union_type, "union")):
        if test(t):
            return name
    return "?"


def subset_problems(subset, full):
    for name, mine in subset.type_map.items():
        if name.startswith("__") or name in BUILT_IN:
            continue
        real = full.type_map.get(name)
        if real is None:
            yield f"{name}: no such type in Railway's schema"
            continue
        if kind(mine) != kind(real):
            yield f"{name}: {kind(mine)} here, {kind(real)} in Railway's schema"
            continue
        if kind(mine) in ("type", "interface"):
            for field, my_field in mine.fields.items():
                real_field = real.fields.get(field)
                if real_field is None:
                    yield f"{name}.{field}: no such field"
                    continue
                if str(my_field.type) != str(real_field.type):
                    yield f"{name}.{field}: {my_field.type} here, {real_field.type} in Railway's schema"
                for arg, my_arg in my_field.args.items():
                    real_arg = real_field.args.get(arg)
                    if real_arg is None:
                        yield f"{name}.{field}({arg}): no such argument"
                    elif str(my_arg.type) != str(real_arg.type):
                        yield f"{name}.{field}({arg}): {my_arg.type} here, {real_arg.type} in Railway's schema"
                for arg, real_arg in real_field.args.items():
                    if is_required_argument(real_arg) and arg not in my_field.args:
                        yield f"{name}.{field}: leaves out the required argument {arg}"
        elif kind(mine) == "input":
            for field, my_field in mine.fields.items():
                real_field = real.fields.get(field)
                if real_field is None:
                    yield f"{name}.{field}: no such input field"
                elif str(my_field.type) != str(real_field.type):
                    yield f"{name}.{field}: {my_field.type} here, {real_field.type} in Railway's schema"
            for field, real_field in real.fields.items():
                if is_required_input_field(real_field) and field not in mine.fields:
                    yield f"{name}: leaves out the required input field {field}"
        elif kind(mine) == "enum":
            for value in mine.values:
                if value not in real.values:
                    yield f"{name}.{value}: no such enum value"
        elif kind(mine) == "union":
            for member in {t.name for t in mine.types} - {t.name for t in real.types}:
                yield f"{name}: {member} is no member of this union"


def main(folder):
    here = pathlib.Path(__file__).resolve().parent
    full = build_schema((here / "schema.graphql").read_text(), assume_valid=True)
    files = sorted(pathlib.Path(folder).rglob("*.graphql"))
    if not files:
        print(f"{folder}: no *.graphql file here")
        return 1
    problems, warnings, operations, type_nodes, fragments, documents = [], [], 0, [], [], []
    for file in files:
        try:
            document = parse(file.read_text())
        except GraphQLError as error:
            problems.append(f"{file}: {error.message}")
            continue
        mine = [d for d in document.definitions if isinstance(d, OPERATION_NODES)]
        type_nodes += [d for d in document.definitions if not isinstance(d, OPERATION_NODES)]
        fragments += [d for d in mine if isinstance(d, ast.FragmentDefinitionNode)]
        if mine:
            documents.append((file, mine))
    for file, nodes in documents:
        operations += sum(isinstance(d, ast.OperationDefinitionNode) for d in nodes)
        own = {d.name.value for d in nodes if isinstance(d, ast.FragmentDefinitionNode)}
        used = DocumentNode(definitions=tuple(nodes) + tuple(f for f in fragments if f.name.value not in own))
        for error in validate(full, used):
            if "is never used" not in error.message:
                problems.append(f"{file}: {error.message}")
        warnings += [f"{file}: {e.message}" for e in validate(full, used, [NoDeprecatedCustomRule])]
    if type_nodes:
        try:
            from graphql import build_ast_schema
            subset = build_ast_schema(DocumentNode(definitions=tuple(type_nodes)), assume_valid=False)
            problems += subset_problems(subset, full)
        except (GraphQLError, TypeError) as error:
            problems.append(f"the subset schema is not valid: {error}")
    for line in sorted(set(warnings)):
        print("warning:", line)
    for line in problems:
        print("error:", line)
    print(f"{operations} operations and {len(type_nodes)} type definitions checked against Railway's schema: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
