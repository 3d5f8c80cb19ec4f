// MariaDB's own connector for node against DB_PORT: one JSON line per observation, so that two runs can be compared as text.
'use strict';
const { Readable } = require('node:stream');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const mariadb = require('mariadb');

const database = process.env.DB_DATABASE;
const settings = {
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  user: 'app',
  password: 'secret',
  database,
  dateStrings: true,
  bigIntAsNumber: false,
  decimalAsNumber: false,
  checkDuplicate: false,
  permitLocalInfile: true,
  allowPublicKeyRetrieval: true,
  compress: process.env.DB_COMPRESS === '1',
  connectAttributes: { app: 'check' },
  ...(process.env.DB_SSL === '1' ? { ssl: { rejectUnauthorized: false } } : {}),
};
const connect = (more = {}) => mariadb.createConnection({ ...settings, ...more });

function plain(value) {
  if (Buffer.isBuffer(value)) return '0x' + value.toString('hex');
  if (typeof value === 'bigint') return `bigint ${value}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  return value;
}
const say = (name, ...values) => console.log(JSON.stringify([name, ...values.map(plain)]));
async function attempt(name, action) {
  try {
    say(name, await action());
  } catch (e) {
    say(name, { code: e.code, errno: e.errno, sqlState: e.sqlState, message: e.sqlMessage ?? e.message.replace(/\(conn:-?\d+,/, '(') });
  }
}
const lines = (file) => fs.readFileSync(path.join(__dirname, '..', file), 'utf8').split('\n').filter((l) => l && !l.startsWith('#'));
const described = (meta) => meta?.map((c) => [c.name(), c.type, c.flags, c.collation?.name, c.columnLength, c.scale]);

async function types(db) {
  for (const text of lines('types.sql')) say('types', await db.query(text));
  for (const way of ['query', 'execute']) {
    const rows = await db[way]({ sql: 'SELECT * FROM types WHERE id > ? ORDER BY id', rowsAsArray: true }, [0]);
    say('read', way, described(rows.meta), rows);
    for (const row of rows) {
      await attempt('written again', () => db[way](`INSERT INTO types VALUES (NULL${',?'.repeat(row.length - 1)})`, row.slice(1)));
    }
  }
  say('all', await db.query('SELECT * FROM types ORDER BY id'));
}

async function batches(db) {
  await db.query('CREATE TABLE batch (id INT PRIMARY KEY AUTO_INCREMENT, s VARCHAR(50), n INT)');
  const rows = Array.from({ length: 300 }, (_, n) => [`Zoë ${n}`, n % 7 ? n : null]);
  say('batch', await db.batch('INSERT INTO batch (s, n) VALUES (?, ?)', rows));
  await attempt('batch fails', () => db.batch('INSERT INTO batch (id, s) VALUES (?, ?)', [[9001, 'a'], [1, 'b']]));
  say('after it', await db.query('SELECT COUNT(*), SUM(n) FROM batch'));
  const statement = await db.prepare('SELECT s, ? AS p FROM batch WHERE id = ?');
  for (const n of [1, 2, 999]) say('prepared', await statement.execute([n, n]));
  statement.close();
  const all = Array.from({ length: 30 }, (_, i) => db.query(`SELECT ${i} + ? AS n`, [1]));
  say('pipelined', (await Promise.all(all)).map(([row]) => row.n));
  await attempt('one of many fails', () => Promise.all([db.query('SELECT 1'), db.query('SELECT nope'), db.query('SELECT 3')]));
}

async function transactions(db) {
  await db.query('CREATE TABLE tx (id INT PRIMARY KEY, n INT)');
  await db.query('INSERT INTO tx VALUES (1, 0)');
  await db.beginTransaction();
  await db.execute('UPDATE tx SET n = n + ?', [5]);
  const other = await connect();
  say('isolated', await other.query('SELECT n FROM tx'));
  await other.end();
  await db.rollback();
  say('rolled back', await db.query('SELECT n FROM tx'));
  await db.beginTransaction();
  await db.query('UPDATE tx SET n = 6');
  await db.commit();
  say('committed', await db.query('SELECT n FROM tx'));
}

async function others(db) {
  const several = await connect({ multipleStatements: true });
  await attempt('multi', () => several.query('SELECT 1 AS a; SET @x = 2; SELECT @x AS b'));
  await attempt('multi fails', () => several.query('SELECT 1; SELECT nope; SELECT 2'));
  await several.end();
  await db.query('CREATE PROCEDURE two(IN x INT, OUT y INT) BEGIN SELECT x AS a; SELECT x + 1 AS b; SET y = x * 2; END');
  say('call', await db.query('CALL two(4, @y)'), await db.query('SELECT @y'));
  say('call, prepared', await db.execute('CALL two(?, ?)', [4, null]));
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'fb-')), 'rows');
  fs.writeFileSync(file, Array.from({ length: 3000 }, (_, i) => `${i}\trow ${i}\n`).join(''));
  await db.query('CREATE TABLE loaded (i INT PRIMARY KEY, s VARCHAR(20))');
  await attempt('load data', () => db.query(`LOAD DATA LOCAL INFILE '${file}' INTO TABLE loaded`));
  await attempt('no file', () => db.query("LOAD DATA LOCAL INFILE '/nonexistent' INTO TABLE loaded"));
  say('loaded', await db.query('SELECT COUNT(*), SUM(i) FROM loaded'));
  fs.rmSync(path.dirname(file), { recursive: true });
  let n = 0;
  for await (const row of db.queryStream("WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n, REPEAT('x', 2000) AS x FROM s")) n += row.x.length;
  say('streamed', n);
  const value = Buffer.alloc(20 << 20, '0123456789abcdef');
  say('20 MB', await db.execute('SELECT LENGTH(v) AS n, SHA2(v, 256) AS m FROM (SELECT ? AS v) t', [value]));
  const [back] = await db.query('SELECT ? AS v', [value]);
  say('and back', value.equals(Buffer.from(back.v)));
  await db.query('SET @kept = 1');
  say('connection id', Number((await db.query('SELECT CONNECTION_ID() AS id'))[0].id) === db.threadId);
  await attempt('ping', () => db.ping());
  await attempt('reset', async () => (await db.reset(), db.query('SELECT @kept, DATABASE()')));
  await attempt('change user', async () => (await db.changeUser({ user: 'app', password: 'secret', database: 'app' }), db.query('SELECT @kept, DATABASE()')));
  say('server', db.serverVersion(), db.info.database);
  await attempt('wrong password', () => connect({ password: 'wrong' }));
  await attempt('unknown database', () => connect({ database: 'app_missing' }));
}

async function pool() {
  const pool = mariadb.createPool({ ...settings, connectionLimit: 5, resetAfterUse: true });
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => pool.execute('SELECT ? + 1 AS n', [i])));
  say('pool', answers.reduce((sum, [row]) => sum + Number(row.n), 0));
  await pool.end();
}

(async () => {
  const db = await connect();
  for (const text of lines('session.sql')) await attempt(text, () => db.query(text));
  await db.query(`USE ${database}`);
  for (const check of [types, batches, transactions, others]) await check(db);
  await db.end();
  await pool();
})().catch((e) => { console.error(e.stack); process.exit(1); });
