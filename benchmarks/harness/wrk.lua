-- Sends the prepared requests in turn and prints the result as one JSON line. See load.py for the file's format.
local requests, with_number = {}, false
local sent = 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  for request in file:read("*a"):gmatch("[^%z]+") do
    requests[#requests + 1] = request
    with_number = with_number or request:find("@@@@", 1, true) ~= nil
  end
  file:close()
  sent = tonumber(args[2])
end

function request()
  sent = sent + 1
  local text = requests[sent % #requests + 1]
  if with_number then
    local digits = string.format("%012d", sent)
    text = text:gsub("@@@@@@@@@@@@", digits)
    text = text:gsub("@@@@:@@@@:@@@@", digits:sub(1, 4) .. ":" .. digits:sub(5, 8) .. ":" .. digits:sub(9))
  end
  return text
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "errors": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
