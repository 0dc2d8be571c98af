"""What runs inside Redis: each script whole, with nothing in between.

SECURITY: every key is given its end in the script that writes it: no counter can outlive its window.
"""

# KEYS: two of each bucket (this period, the last), then six of each share (sent, proven, proven lately: two each).
# ARGV: the time, how many buckets, three of each bucket (limit, period, weight), four of each share (floor, share of a
# day, share of a fortnight, whether it enforces).
# Gives {0, places of shares exceeded…}, or {place, last period, this period, limit} of what had no room.
TAKE = """
local now, buckets = tonumber(ARGV[1]), tonumber(ARGV[2])
local shares = (#KEYS - 2 * buckets) / 6
local values = redis.call('MGET', unpack(KEYS))
local day, fortnight = 86400, 1209600
local function count(i) return tonumber(values[i] or '0') end
local function reach(period) return 1 - (now % period) / period end

for i = 1, buckets do
  local limit, period, weight = tonumber(ARGV[3*i]), tonumber(ARGV[3*i+1]), tonumber(ARGV[3*i+2])
  local current, previous = count(2*i-1), count(2*i)
  if previous * reach(period) + current + weight > limit then return {i, previous, current, limit} end
end

local counted, answer = {}, {0}
for j = 1, shares do
  local k, a = 2 * buckets + 6 * (j - 1), 2 + 3 * buckets + 4 * (j - 1)
  local proven = count(k+4) * reach(day) + count(k+3)
  local lately = count(k+6) * reach(fortnight) + count(k+5)
  local allowance = math.floor(
    math.max(tonumber(ARGV[a+1]), tonumber(ARGV[a+2]) * proven, tonumber(ARGV[a+3]) * lately / 14))
  local previous, current = count(k+2) - count(k+4), count(k+1) - count(k+3)
  if math.max(0, previous * reach(day) + current) + 1 <= allowance then
    counted[#counted+1] = KEYS[k+1]
  elseif ARGV[a+4] == '1' then
    return {buckets + j, previous, current, allowance}
  else
    answer[#answer+1] = j
  end
end

for i = 1, buckets do
  redis.call('INCRBY', KEYS[2*i-1], ARGV[3*i+2])
  redis.call('EXPIRE', KEYS[2*i-1], 2 * tonumber(ARGV[3*i+1]))
end
for _, key in ipairs(counted) do
  redis.call('INCRBY', key, 1)
  redis.call('EXPIRE', key, 2 * day)
end
return answer
"""

# KEYS: this period's of each bucket. ARGV: the weight of each.
GIVE_BACK = """
for i = 1, #KEYS do
  if tonumber(redis.call('GET', KEYS[i]) or '0') >= tonumber(ARGV[i]) then
    redis.call('DECRBY', KEYS[i], ARGV[i])
  end
end
"""

# KEYS: this period's of each bucket. ARGV: how many, then the period of each.
ADD = """
for i = 1, #KEYS do
  redis.call('INCRBY', KEYS[i], ARGV[1])
  redis.call('EXPIRE', KEYS[i], 2 * tonumber(ARGV[i+1]))
end
"""
