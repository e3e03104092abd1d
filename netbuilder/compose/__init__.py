"""The networking subset of Compose files, read into specs and written from them (https://compose-spec.io).

A service becomes a sandbox and a network a network, named as in the file: there is no project to put before a name.
A declared network is kept even if no service uses it. Keys that are not about networking are ignored and named in
`Composed.ignored`; a key about networking that cannot be honoured is an error, but for the few that are ignored because
nothing here goes by them (`keys.NO_EFFECT`), and so is one that Compose lacks.

    keys       what becomes of each key: supported, ignored or refused
    variables, dotenv       `${NAME}` in a text, and files of variables
    source     YAML as the text that was typed, and where each place in it stands
    filling    what is read of a file, with its variables filled in
    merging, extending      one file over another, and a service over the one that it extends
    files, assembly         the files of a project as one, with what they include
    document   its mappings, checked, with errors that name the place
    networks, services      one network, one service; `endpoints` is a service on its networks
    options    the same in the words of `docker network create` and `connect`
    places     from an error about a spec back to the file
    read       from a file to specs
    write      from specs to a file
"""

from netbuilder.compose.files import File
from netbuilder.compose.read import Composed, parse, read
from netbuilder.compose.write import dump

__all__ = ["Composed", "File", "dump", "parse", "read"]
