-- GET of PREFIX0SUFFIX … PREFIX(COUNT-1)SUFFIX, in turns. Arguments: PREFIX SUFFIX COUNT.
dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "common.lua")
local requests = {}
local turn = 0

function init(arguments)
  for i = 0, tonumber(arguments[3]) - 1 do
    requests[i] = wrk.format("GET", arguments[1] .. i .. arguments[2])
  end
end

function request()
  turn = (turn + 1) % (#requests + 1)
  return requests[turn]
end
