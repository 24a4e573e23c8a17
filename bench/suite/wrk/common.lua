-- What every script of ours ends with: one line of JSON, instead of text to be picked apart.
function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"us":%d,"refused":%d,"lost":%d,"late":%d,"p50_us":%.0f,"p99_us":%.0f}',
    summary.requests, summary.duration,
    errors.status, errors.connect + errors.read + errors.write, errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end

-- An event in the plain form, `bytes` long.
function event(bytes, serial)
  local head = string.format('{"type":"OrderPlaced","data":{"order":"%08d","note":"', serial)
  return head .. string.rep("x", bytes - #head - 3) .. '"}}'
end

here = debug.getinfo(1, "S").source:match("^@(.*/)")
