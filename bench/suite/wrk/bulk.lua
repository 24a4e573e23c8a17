-- Many events a request, each for a stream of its own. Arguments: TOPIC EVENT_BYTES EVENTS.
dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "common.lua")
local requests = {}
local turn = 0

-- EVENT_BYTES is the size of an event in the batch, its attributes included.
local function cloud_event(bytes, serial)
  local head = string.format(
    '{"specversion":"1.0","id":"%d","source":"/bench","type":"OrderPlaced","stream":"stream-%d",' ..
    '"data":"', serial, serial % 1000)
  return head .. string.rep("x", bytes - #head - 2) .. '"}'
end

function init(arguments)
  local fields = { ["Content-Type"] = "application/cloudevents-batch+json" }
  local count = tonumber(arguments[3])
  for i = 0, 19 do
    local events = {}
    for j = 1, count do
      events[j] = cloud_event(tonumber(arguments[2]), i * count + j)
    end
    requests[i] = wrk.format("POST", "/v1/topics/" .. arguments[1] .. "/events", fields,
      "[" .. table.concat(events, ",") .. "]")
  end
end

function request()
  turn = (turn + 1) % (#requests + 1)
  return requests[turn]
end
