"""AWS as it is: corrections loaded into moto's server process.

moto answers nearly every call, but accepts much that AWS refuses and forgets some of what it is told. Each correction
here makes it do one thing as AWS does, names the fact it rests on, and has a test in plain boto3.

Read `corrections` first (what a correction is and how it is hooked in), then `wsgi` (the server around moto), then any
service module.
"""

__version__ = "0.1.0"
