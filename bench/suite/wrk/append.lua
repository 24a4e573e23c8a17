-- One event a request, to one of many streams in turns. Arguments: TOPIC EVENT_BYTES STREAMS.
dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "common.lua")
local requests = {}
local turn = 0

function init(arguments)
  local fields = { ["Content-Type"] = "application/json" }
  for i = 0, tonumber(arguments[3]) - 1 do
    requests[i] = wrk.format("POST",
      "/v1/topics/" .. arguments[1] .. "/streams/stream-" .. i .. "/events", fields,
      event(tonumber(arguments[2]), i))
  end
end

function request()
  turn = (turn + 1) % (#requests + 1)
  return requests[turn]
end
