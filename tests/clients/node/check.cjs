// mysql2 against DB_PORT: one JSON line per observation, so that two runs can be compared as text.
'use strict';
const { Readable } = require('node:stream');
const mysql = require('mysql2/promise');
const callbacks = require('mysql2');

const settings = {
  host: process.env.DB_HOST,
  port: Number(process.env.DB_PORT),
  user: 'app',
  password: 'secret',
  database: process.env.DB_DATABASE,
  supportBigNumbers: true,
  dateStrings: true,
  ...(process.env.DB_SSL === '1' ? { ssl: { rejectUnauthorized: false } } : {}),
};
const connect = (more = {}) => mysql.createConnection({ ...settings, ...more });

function plain(value) {
  if (Buffer.isBuffer(value)) return '0x' + value.toString('hex');
  if (typeof value === 'bigint') return `bigint ${value}`;
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object' && !(value instanceof Date))
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, plain(v)]));
  return value;
}
const say = (name, ...values) => console.log(JSON.stringify([name, ...values.map(plain)]));
async function attempt(name, action) {
  try {
    say(name, await action());
  } catch (e) {
    say(name, { code: e.code, errno: e.errno, sqlState: e.sqlState, message: e.sqlMessage ?? e.message });
  }
}
const columns = (fields) => fields.map((f) => [f.name, f.columnType ?? f.type, f.flags, f.characterSet, f.columnLength, f.decimals]);

const SELECT = 'SELECT * FROM types ORDER BY id';

async function types(db) {
  await db.query(`CREATE TABLE types (id INT PRIMARY KEY AUTO_INCREMENT, i TINYINT, u BIGINT UNSIGNED, d DECIMAL(20,6), f FLOAT, g DOUBLE,
    s VARCHAR(100), b BLOB, day DATE, at DATETIME(3), ts TIMESTAMP NULL, t TIME(2), y YEAR, bits BIT(10), j JSON)`);
  const insert = 'INSERT INTO types (i,u,d,f,g,s,b,day,at,ts,t,y,bits,j) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,b\'101\',?)';
  const row = [-5, '18446744073709551615', '1.000001', 1.5, 0.1, "Zoë 🦀 '\"\\", Buffer.from([...Array(256).keys()]), '2026-02-03', '2026-02-03 04:05:06.789', '2026-02-03 04:05:06', '-12:34:56.78', 2026, '{"k": [1, "é"]}'];
  const [text] = await db.query(insert, row);
  say('insert, text', text);
  const [binary] = await db.execute(insert, row);
  say('insert, prepared', binary);
  await db.execute('INSERT INTO types () VALUES ()');
  const [a, fields] = await db.query(SELECT);
  say('select, text', a, columns(fields));
  const [b, more] = await db.execute(SELECT);
  say('select, prepared', b, columns(more));
  for (const value of [1, 'x', null, 1.5, true]) {
    const [rows] = await db.execute('SELECT ? AS v', [value]);
    say('bound', value, rows);
  }
}

async function statements(db) {
  const statement = await db.prepare('SELECT id, s FROM types WHERE id > ? ORDER BY id LIMIT 2');
  for (const id of [0, 1, 2, 99]) say('statement again', id, (await statement.execute([id]))[0]);
  await statement.close();
  const many = await Promise.all(Array.from({ length: 30 }, (_, i) => db.prepare(`SELECT ${i} + ? AS n`)));
  let sum = 0;
  for (const s of many) sum += Number((await s.execute([1]))[0][0].n);
  for (const s of many) await s.close();
  say('thirty statements', sum);
  await attempt('prepare error', () => db.prepare('SELECT nope FROM types'));
  await attempt('execute error', () => db.execute('INSERT INTO types (id) VALUES (?)', [1]));
}

async function transactions(db) {
  await db.query('CREATE TABLE tx (id INT PRIMARY KEY, n INT)');
  await db.query('INSERT INTO tx VALUES (1, 0)');
  await db.beginTransaction();
  await db.execute('UPDATE tx SET n = n + ?', [5]);
  const other = await connect();
  say('isolated', (await other.query('SELECT n FROM tx'))[0]);
  say('own', (await db.query('SELECT n FROM tx'))[0]);
  await db.query('SAVEPOINT s');
  await db.query('DELETE FROM tx');
  await db.query('ROLLBACK TO s');
  await db.commit();
  say('committed', (await db.query('SELECT n FROM tx'))[0]);
  await other.end();
}

async function others(db) {
  const several = await connect({ multipleStatements: true });
  say('multi', (await several.query('SELECT 1 AS a; SET @x = 2; SELECT @x AS b'))[0]);
  await attempt('multi error', () => several.query('SELECT 1; SELECT nope; SELECT 2'));
  await several.end();

  await db.query('CREATE PROCEDURE two(IN x INT) BEGIN SELECT x AS a; SELECT x + 1 AS b; END');
  say('procedure, text', (await db.query('CALL two(4)'))[0]);
  say('procedure, prepared', (await db.execute('CALL two(?)', [4]))[0]);

  await db.query('CREATE TABLE loaded (i INT PRIMARY KEY, s VARCHAR(20))');
  const lines = Array.from({ length: 1000 }, (_, i) => Buffer.from(`${i}\trow ${i}\n`));
  const load = { sql: "LOAD DATA LOCAL INFILE 'any' INTO TABLE loaded", infileStreamFactory: () => Readable.from(lines) };
  say('load data', (await db.query(load))[0], (await db.query('SELECT COUNT(*) AS n, SUM(i) AS s FROM loaded'))[0]);

  await db.query("SET NAMES utf8mb4 COLLATE utf8mb4_bin");
  say('collation', (await db.query("SELECT COLLATION('x') AS c, 'a' = 'A' AS same"))[0]);
  await db.changeUser({ database: process.env.DB_DATABASE });
  say('changed user', (await db.query("SELECT DATABASE() = ? AS d, @x AS x, COLLATION('x') AS c", [process.env.DB_DATABASE]))[0]);
  await db.ping();
  say('connection id', (await db.query('SELECT CONNECTION_ID() AS id'))[0][0].id === db.threadId);

  const value = Buffer.alloc(18 << 20, '0123456789abcdef');
  say('18 MiB', (await db.execute('SELECT LENGTH(v) AS n, SHA2(v, 256) AS m FROM (SELECT ? AS v) t', [value]))[0]);
  await attempt('wrong password', () => connect({ password: 'wrong' }));
  await attempt('unknown database', () => connect({ database: 'app_missing' }));
}

async function pool() {
  const p = mysql.createPool({ ...settings, connectionLimit: 5 });
  const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => p.execute('SELECT ? + 1 AS n', [i])));
  say('pool', answers.reduce((sum, [rows]) => sum + Number(rows[0].n), 0));
  await p.end();
}

function streamed() {
  return new Promise((resolve, reject) => {
    const db = callbacks.createConnection(settings);
    let n = 0;
    db.query("WITH RECURSIVE s AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM s WHERE n < 900) SELECT n, REPEAT('x', 2000) AS x FROM s")
      .stream({ highWaterMark: 5 })
      .on('data', (row) => { n += row.x.length; })
      .on('error', reject)
      .on('end', () => { say('streamed', n); db.end(resolve); });
  });
}

(async () => {
  const db = await connect();
  await types(db);
  await statements(db);
  await transactions(db);
  await others(db);
  await db.end();
  await pool();
  await streamed();
})().catch((e) => { console.error(e.code, e.sqlMessage ?? e.stack); process.exit(1); });
