"""config_schema_check.py SCHEMA GOOD BAD: an independent validator's opinion of the schema.

SCHEMA is a JSON Schema; GOOD and BAD are JSON lists of documents that it must accept and reject.
Exit status 0 when it does, 1 when not, 77 when the validator is not installed.
"""
import json
import sys

try:
    import jsonschema
except ImportError:
    sys.exit(77)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


schema, good, bad = (load(path) for path in sys.argv[1:4])
jsonschema.Draft7Validator.check_schema(schema)
validator = jsonschema.Draft7Validator(schema)
wrong = [("rejected", document) for document in good if not validator.is_valid(document)]
wrong += [("accepted", document) for document in bad if validator.is_valid(document)]
for verdict, document in wrong:
    print(f"{verdict}: {json.dumps(document)}")
sys.exit(1 if wrong else 0)
