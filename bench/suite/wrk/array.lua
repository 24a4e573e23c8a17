-- Many events a request, all for one stream: one append. Arguments: TOPIC EVENT_BYTES EVENTS.
dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "common.lua")
local requests = {}
local turn = 0

function init(arguments)
  local fields = { ["Content-Type"] = "application/json" }
  local count = tonumber(arguments[3])
  for i = 0, 19 do
    local events = {}
    for j = 1, count do
      events[j] = event(tonumber(arguments[2]), i * count + j)
    end
    requests[i] = wrk.format("POST",
      "/v1/topics/" .. arguments[1] .. "/streams/stream-" .. i .. "/events", fields,
      "[" .. table.concat(events, ",") .. "]")
  end
end

function request()
  turn = (turn + 1) % (#requests + 1)
  return requests[turn]
end
