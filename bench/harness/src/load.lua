-- The load that wrk drives: which request comes next, and one line of JSON at the end.
-- Arguments: scenario (noop, get, list, create), file of organization ids, file of tokens, a tag that makes slugs unique.

local scenario, tag
local prepared, position = {}, 0
local threads = {}

function setup(thread)
   threads[#threads + 1] = thread
   thread:set("number", #threads)
end

local function lines(path)
   local found = {}
   for line in io.lines(path) do
      found[#found + 1] = line
   end
   return found
end

local function headers(token)
   return { ["Authorization"] = "Bearer " .. token, ["Accept"] = "application/json" }
end

-- Requests are rendered before the clock starts, so that the load generator takes as little of the machine as it can. Each thread walks through
-- its own random order of ids and tokens.
function init(args)
   scenario, tag = args[1], args[4]
   local ids, tokens = lines(args[2]), lines(args[3])
   math.randomseed(number)
   local count = math.min(math.max(#ids, #tokens) * 4, 20000)
   for index = 1, count do
      local token = tokens[math.random(#tokens)]
      if scenario == "get" then
         prepared[index] = wrk.format("GET", "/api/v1/organizations/" .. ids[math.random(#ids)], headers(token))
      elseif scenario == "list" then
         prepared[index] = wrk.format("GET", "/api/v1/organizations?limit=50", headers(token))
      elseif scenario == "noop" then
         prepared[index] = wrk.format("GET", "/health/live", headers(token))
      else
         prepared[index] = headers(token)
         prepared[index]["Content-Type"] = "application/json"
      end
   end
end

local created = 0

function request()
   position = position % #prepared + 1
   if scenario ~= "create" then
      return prepared[position]
   end
   created = created + 1
   local body = string.format('{"name":"Created under load %d","slug":"%s-%d-%d"}', created, tag, number, created)
   return wrk.format("POST", "/api/v1/organizations", prepared[position], body)
end

function done(summary, latency)
   io.write(string.format(
      'SUMMARY {"requests":%d,"micros":%d,"p50":%d,"p99":%d,"max":%d,"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
      summary.errors.connect, summary.errors.read, summary.errors.write, summary.errors.status, summary.errors.timeout))
end
