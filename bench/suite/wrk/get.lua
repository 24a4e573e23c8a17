-- GET of the URL. Pistache's own server closes connections that do not ask to be kept.
dofile((debug.getinfo(1, "S").source:match("^@(.*/)") or "") .. "common.lua")
wrk.headers["Connection"] = "keep-alive"
