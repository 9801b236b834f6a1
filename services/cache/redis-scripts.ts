/**
 * What happens in Redis at once or not at all. Every script that writes a key gives it an expiry in the same breath. The
 * keys of one script share a hash tag, so that they are on one node of a Redis cluster.
 */

/**
 * Takes the lock of an answer for `ARGV[1]` ms unless somebody has it, and answers the new fence; nil when somebody has.
 * Fences grow also when Redis lost the last one, because they are never below its clock, µs.
 */
export const LOCK = `
local time = redis.call("TIME")
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local lock = redis.call("HMGET", KEYS[1], "fence", "until")
if lock[2] and tonumber(lock[2]) > now then return nil end
local fence = string.format("%.0f", math.max(tonumber(lock[1] or 0) + 1, time[1] * 1000000 + time[2]))
redis.call("HSET", KEYS[1], "fence", fence, "until", string.format("%.0f", now + ARGV[1]))
redis.call("PEXPIRE", KEYS[1], ARGV[2])
return fence
`;

/** Keeps an answer (KEYS[2]) and frees its lock, if the lock's last fence is still this one: whoever was overtaken is refused. */
export const KEEP = `
if redis.call("HGET", KEYS[1], "fence") ~= ARGV[1] then return 0 end
redis.call("SET", KEYS[2], ARGV[2], "PX", ARGV[3])
redis.call("HSET", KEYS[1], "until", "0")
return 1
`;

/** Frees a lock if its last fence is still this one. */
export const UNLOCK = `
if redis.call("HGET", KEYS[1], "fence") ~= ARGV[1] then return 0 end
redis.call("HSET", KEYS[1], "until", "0")
return 1
`;

/** Adds to a window's counter, which ends with its window; answers the count and the time left, ms. */
export const COUNT = `
local count = redis.call("INCRBY", KEYS[1], ARGV[1])
local left = redis.call("PTTL", KEYS[1])
if left < 0 then
	redis.call("PEXPIRE", KEYS[1], ARGV[2])
	left = tonumber(ARGV[2])
end
return {count, left}
`;
