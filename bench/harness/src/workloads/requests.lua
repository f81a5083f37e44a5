-- Whatever requests: one a line of a file, METHOD, PATH, TOKEN and BODY with tabs between them. Each thread walks through its own random order of
-- them. "{n}" in a path or a body becomes digits that no other request has.
-- Arguments: the file, a tag that makes numbers unique among several loads.

local tag
local prepared, position, made = {}, 0, 0

local function render(request, path, body)
   local headers = { ["Accept"] = "application/json" }
   if request.token ~= "" then
      headers["Authorization"] = "Bearer " .. request.token
   end
   if body ~= "" then
      headers["Content-Type"] = "application/json"
   end
   return wrk.format(request.method, path, headers, body ~= "" and body or nil)
end

function init(args)
   tag = args[2]
   math.randomseed(number)
   for line in io.lines(args[1]) do
      local method, path, token, body = line:match("^([^\t]*)\t([^\t]*)\t([^\t]*)\t(.*)$")
      local request = { method = method, path = path, token = token, body = body }
      if not (path .. body):find("{n}", 1, true) then
         request = render(request, path, body)
      end
      -- A shuffled order, built as it is read.
      local place = math.random(#prepared + 1)
      prepared[#prepared + 1] = prepared[place]
      prepared[place] = request
   end
end

function request()
   position = position % #prepared + 1
   local next = prepared[position]
   if type(next) == "string" then
      return next
   end
   made = made + 1
   local unique = string.format("%s%d%09d", tag, number, made)
   return render(next, (next.path:gsub("{n}", unique)), (next.body:gsub("{n}", unique)))
end
