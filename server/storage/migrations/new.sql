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

CREATE TABLE idea (
    line INTEGER NOT NULL,
    idea VARCHAR NOT NULL,
    code VARCHAR,
    state VARCHAR NOT NULL,
    version INTEGER NOT NULL,
    title_it VARCHAR,
    title_en VARCHAR,
    summary_it VARCHAR,
    summary_en VARCHAR,
    domain VARCHAR NOT NULL,
    area_name VARCHAR,
    area_scope VARCHAR,
    table_label VARCHAR,
    session VARCHAR,
    form VARCHAR NOT NULL,
    missing INTEGER NOT NULL,
    support VARCHAR,
    confidentiality VARCHAR NOT NULL,
    published_at INTEGER,
    updated_at INTEGER NOT NULL,
    sought VARCHAR NOT NULL,
    PRIMARY KEY (line, idea),
    FOREIGN KEY(line) REFERENCES line (id)
);

CREATE TABLE idea_actor (
    line INTEGER NOT NULL,
    idea VARCHAR NOT NULL,
    place INTEGER NOT NULL,
    uid VARCHAR NOT NULL,
    name VARCHAR,
    sector VARCHAR,
    role VARCHAR,
    commitment VARCHAR,
    PRIMARY KEY (line, idea, place),
    FOREIGN KEY(line) REFERENCES line (id)
);

CREATE TABLE idea_step (
    line INTEGER NOT NULL,
    idea VARCHAR NOT NULL,
    place INTEGER NOT NULL,
    uid VARCHAR NOT NULL,
    text_it VARCHAR,
    text_en VARCHAR,
    owner VARCHAR,
    due VARCHAR,
    status VARCHAR,
    PRIMARY KEY (line, idea, place),
    FOREIGN KEY(line) REFERENCES line (id)
);

CREATE TABLE idea_obstacle (
    line INTEGER NOT NULL,
    idea VARCHAR NOT NULL,
    place INTEGER NOT NULL,
    uid VARCHAR NOT NULL,
    text_it VARCHAR,
    text_en VARCHAR,
    category VARCHAR,
    severity INTEGER,
    overcome INTEGER NOT NULL,
    PRIMARY KEY (line, idea, place),
    FOREIGN KEY(line) REFERENCES line (id)
);

CREATE TABLE idea_money (
    line INTEGER NOT NULL,
    idea VARCHAR NOT NULL,
    place INTEGER NOT NULL,
    uid VARCHAR NOT NULL,
    source VARCHAR,
    programme VARCHAR,
    amount_exact VARCHAR,
    amount_min VARCHAR,
    amount_max VARCHAR,
    currency VARCHAR,
    status VARCHAR,
    PRIMARY KEY (line, idea, place),
    FOREIGN KEY(line) REFERENCES line (id)
);

CREATE TABLE idea_indicator (
    line INTEGER NOT NULL,
    idea VARCHAR NOT NULL,
    place INTEGER NOT NULL,
    uid VARCHAR NOT NULL,
    name_it VARCHAR,
    name_en VARCHAR,
    type VARCHAR,
    level VARCHAR,
    dimension VARCHAR,
    unit VARCHAR,
    baseline_value VARCHAR,
    baseline_date VARCHAR,
    target_value VARCHAR,
    target_date VARCHAR,
    last_value VARCHAR,
    last_date VARCHAR,
    PRIMARY KEY (line, idea, place),
    FOREIGN KEY(line) REFERENCES line (id)
);

CREATE TABLE idea_source (
    line INTEGER NOT NULL,
    idea VARCHAR NOT NULL,
    place INTEGER NOT NULL,
    field VARCHAR NOT NULL,
    source_kind VARCHAR NOT NULL,
    relation VARCHAR NOT NULL,
    session VARCHAR,
    stage VARCHAR,
    note VARCHAR,
    note_group VARCHAR,
    round VARCHAR,
    uid VARCHAR,
    PRIMARY KEY (line, idea, place),
    FOREIGN KEY(line) REFERENCES line (id)
);

INSERT INTO alembic_version VALUES ('0002');
