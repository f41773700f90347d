-- A new file's schema at once, without loading the scripts that lead to it; a test holds it against them.

CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL,
    CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);

CREATE TABLE line (
    id INTEGER NOT NULL,
    kind VARCHAR NOT NULL,
    code VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    made_at INTEGER NOT NULL,
    ended_at INTEGER,
    rehearsal BOOLEAN NOT NULL,
    PRIMARY KEY (id),
    UNIQUE (code)
);

CREATE TABLE fact (
    line INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    stage VARCHAR,
    kind VARCHAR NOT NULL,
    person VARCHAR,
    "group" VARCHAR,
    ask VARCHAR NOT NULL,
    level VARCHAR NOT NULL,
    body VARCHAR NOT NULL,
    PRIMARY KEY (line, number),
    FOREIGN KEY(line) REFERENCES line (id)
)
 WITHOUT ROWID;

CREATE TABLE ask (
    line INTEGER NOT NULL,
    actor VARCHAR NOT NULL,
    ask VARCHAR NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (line, actor, ask),
    FOREIGN KEY(line) REFERENCES line (id)
)
 WITHOUT ROWID;

CREATE TABLE person (
    line INTEGER NOT NULL,
    person VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    badge VARCHAR,
    rehearsal BOOLEAN NOT NULL,
    PRIMARY KEY (line, person),
    FOREIGN KEY(line) REFERENCES line (id),
    UNIQUE (badge)
);

CREATE INDEX person_badge ON person (badge);

CREATE TABLE desk (
    id VARCHAR NOT NULL,
    csrf VARCHAR NOT NULL,
    made_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (id)
);

CREATE TABLE about (
    "key" VARCHAR NOT NULL,
    value VARCHAR NOT NULL,
    PRIMARY KEY ("key")
);

INSERT INTO alembic_version VALUES ('0001');
