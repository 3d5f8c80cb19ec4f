-- A result of 20 MB, in 105,000 rows.
function thread_init()
  connection = sysbench.sql.driver():connect()
end

function event()
  connection:query("SELECT k, c, pad FROM large")
end

function thread_done()
  connection:disconnect()
end
