-- A small social application: people talk about topics.

CREATE TABLE users (
    id         BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name       VARCHAR(100) NOT NULL,
    handle     VARCHAR(40)  NOT NULL,
    email      VARCHAR(255) NOT NULL,
    city       VARCHAR(60)  NOT NULL,
    bio        VARCHAR(280) NULL,
    created_at DATETIME     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    updated_at DATETIME     NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
    UNIQUE KEY users_handle_unique (handle),
    UNIQUE KEY users_email_unique (email),
    KEY users_city_index (city)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE topics (
    id          BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    slug        VARCHAR(60)  NOT NULL,
    title       VARCHAR(100) NOT NULL,
    description VARCHAR(255) NOT NULL,
    created_at  DATETIME     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE KEY topics_slug_unique (slug)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE conversations (
    id               BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    topic_id         BIGINT UNSIGNED NOT NULL,
    author_id        BIGINT UNSIGNED NOT NULL,
    title            VARCHAR(160) NOT NULL,
    body             TEXT         NOT NULL,
    visibility       ENUM('public', 'members') NOT NULL DEFAULT 'public',
    created_at       DATETIME     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_activity_at DATETIME     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    KEY conversations_topic_activity_index (topic_id, last_activity_at),
    KEY conversations_author_created_index (author_id, created_at),
    CONSTRAINT conversations_topic_foreign FOREIGN KEY (topic_id) REFERENCES topics (id),
    CONSTRAINT conversations_author_foreign FOREIGN KEY (author_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE participations (
    conversation_id BIGINT UNSIGNED NOT NULL,
    user_id         BIGINT UNSIGNED NOT NULL,
    role            ENUM('author', 'member', 'moderator') NOT NULL DEFAULT 'member',
    messages        INT UNSIGNED    NOT NULL DEFAULT 0,
    joined_at       DATETIME        NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_read_at    DATETIME        NULL,
    PRIMARY KEY (conversation_id, user_id),
    KEY participations_user_joined_index (user_id, joined_at),
    CONSTRAINT participations_conversation_foreign FOREIGN KEY (conversation_id)
        REFERENCES conversations (id) ON DELETE CASCADE,
    CONSTRAINT participations_user_foreign FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE feedback (
    id              BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    conversation_id BIGINT UNSIGNED NOT NULL,
    user_id         BIGINT UNSIGNED NOT NULL,
    rating          TINYINT UNSIGNED NOT NULL,
    comment         VARCHAR(500) NULL,
    created_at      DATETIME     NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE KEY feedback_conversation_user_unique (conversation_id, user_id),
    KEY feedback_user_index (user_id),
    CONSTRAINT feedback_conversation_foreign FOREIGN KEY (conversation_id)
        REFERENCES conversations (id) ON DELETE CASCADE,
    CONSTRAINT feedback_user_foreign FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- The shape that web frameworks use for sessions in a database.
CREATE TABLE sessions (
    id            VARCHAR(255) NOT NULL PRIMARY KEY,
    user_id       BIGINT UNSIGNED NULL,
    ip_address    VARCHAR(45)  NULL,
    user_agent    TEXT         NULL,
    payload       LONGTEXT     NOT NULL,
    last_activity INT          NOT NULL,
    KEY sessions_user_id_index (user_id),
    KEY sessions_last_activity_index (last_activity),
    CONSTRAINT sessions_user_foreign FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
