-- One ticket event per request, each with an id of its own.
local n = 0
local start = math.random(1, 2 ^ 30)
wrk.method = "POST"
wrk.headers["content-type"] = "application/cloudevents+json"
request = function()
    n = n + 1
    local id = start .. "-" .. n
    return wrk.format(nil, nil, nil, '{"specversion":"1.0","id":"' .. id .. '","source":"https://acme.example/helpdesk",'
        .. '"type":"support.ticket.created","time":"2026-07-20T09:00:00Z","data":{"ticket_id":"T-' .. id
        .. '","customer_id":"C-7","channel":"email","priority":"urgent","category":"billing","tier":"gold"}}')
end
