-- Which request comes next.
-- Arguments: a file with one "METHOD number path" a line, a file of tokens (the number counts its lines from 1), a tag that makes codes unique.

local tag
local prepared, position = {}, 0

local function lines(path)
   local found = {}
   for line in io.lines(path) do
      found[#found + 1] = line
   end
   return found
end

-- What a creation sends: its code tells who made it when.
local function organization(unique)
   return string.format('{"name":"Created under load %s","slug":"%s"}', unique, unique)
end

local function role(unique)
   return string.format('{"name":"Created under load %s","code":"R_%s"}', unique, string.upper(string.gsub(unique, "-", "_")))
end

local body_of = { ["/api/v1/organizations"] = organization, ["/api/v1/roles"] = role }

-- Requests are rendered before the clock starts, so that the load generator takes as little of the machine as it can. They come in a random
-- order already; each thread begins somewhere else.
function init(args)
   tag = args[3]
   local requests, tokens = lines(args[1]), lines(args[2])
   for _, line in ipairs(requests) do
      local method, which, path = line:match("^(%S+) (%d+) (%S+)$")
      local headers = { ["Authorization"] = "Bearer " .. tokens[tonumber(which)], ["Accept"] = "application/json" }
      if method == "GET" then
         prepared[#prepared + 1] = wrk.format(method, path, headers)
      else
         headers["Content-Type"] = "application/json"
         prepared[#prepared + 1] = { method = method, path = path, headers = headers, body = body_of[path] }
      end
   end
   position = math.floor((number - 1) * #prepared / 7)
end

local created = 0

function request()
   position = position % #prepared + 1
   local next = prepared[position]
   if type(next) == "string" then
      return next
   end
   created = created + 1
   return wrk.format(next.method, next.path, next.headers, next.body(string.format("%s-%d-%d", tag, number, created)))
end
