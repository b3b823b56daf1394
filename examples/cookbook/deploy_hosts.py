"""Put a file on many hosts over SSH, some at a time; where one does not come up with it, all get back what they had.

DEPLOY_KEY="$(cat id_ed25519)" cflow run examples/cookbook/deploy_hosts.py hosts=hosts.yaml source=app.conf \
    target=/etc/app.conf 'check=systemctl restart app && curl -fsS localhost/health'
"""

from cflow import convert, env, flow, parallel, secret, transaction
from cflow.stdlib_nodes import log, sftp, ssh, yaml

DEPLOY_KEY = secret("DEPLOY_KEY")
KNOWN_HOSTS = env("KNOWN_HOSTS", "known_hosts")


@flow
def put_on(host: str, source: str, target: str, check: str):
    """One host. That it gets back what it had is owed from before the file is touched: also where this is cut."""
    there = sftp.info.options(retry=2, timeout=20)(host, target, key=DEPLOY_KEY, known=KNOWN_HOSTS)
    assert there is not None, f"{host} has no {target} to go back to"
    before = sftp.read.options(retry=2, timeout=20)(host, target, key=DEPLOY_KEY, known=KNOWN_HOSTS)
    sftp.upload.options(retry=2, timeout=300, undo=lambda _: back(host, target, before, there.mode, check))(
        host, source, f"{target}.new", key=DEPLOY_KEY, known=KNOWN_HOSTS, mode=there.mode
    )
    sftp.move.options(timeout=20)(host, f"{target}.new", target, key=DEPLOY_KEY, known=KNOWN_HOSTS)
    ssh.run.options(timeout=60)(host, check, key=DEPLOY_KEY, known=KNOWN_HOSTS)
    log.info(f"{host} has it")


@flow
def back(host: str, target: str, before: bytes, mode: int | None, check: str):
    """What a host had before, and running with that."""
    sftp.delete.options(retry=3, timeout=60)(host, f"{target}.new", key=DEPLOY_KEY, known=KNOWN_HOSTS)
    sftp.write.options(retry=3, timeout=60)(host, target, before, key=DEPLOY_KEY, known=KNOWN_HOSTS, mode=mode)
    ssh.run.options(timeout=60)(host, check, key=DEPLOY_KEY, known=KNOWN_HOSTS, check=False)
    log.warning(f"{host} has again what it had")


@flow
def deploy_hosts(hosts: str, source: str, target: str, check: str, limit: int = 5) -> int:
    """How many hosts have the file: all of them, or none."""
    names = convert(yaml.read(hosts), list[str])
    with transaction(timeout=3600):
        for host in parallel(names, limit=limit):
            put_on(host, source, target, check)
    return len(names)
