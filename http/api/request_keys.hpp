#pragma once

#include <functional>
#include <string>
#include <vector>

#include <caf/fwd.hpp>
#include <nlohmann/json_fwd.hpp>

#include "actors/base/request_key.hpp"
#include "http/api/ingress.hpp"
#include "http/json.hpp"
#include "http/route.hpp"

/// Idempotency keys of requests that move money (C4). A key that was used for something else is
/// said before all else; one that was used for this goes along with the id of what came of it.
namespace tk::http {

struct shop;

/// The key of a request to do `operation`, empty when it has none. Two requests are the same when
/// they have the same `payload`.
checked<request_key> read_key(const request& x, const nlohmann::json& body, const char* operation,
                              const std::vector<std::string>& payload);

using key_step = std::function<void(caf::event_based_actor*, const request_key&)>;

/// Goes on with the key as it is on record; without one at once, and nobody has looked at the
/// caller's token then.
void with_key(shop& s, const exchange_ptr& x, const request_key& key, const key_step& then);

/// After a refusal: a twin may have been faster than the look at the key, so that it was refused
/// for what the twin did. Goes on with `then` when that is so, else with `refused`.
void look_again(shop& s, caf::event_based_actor* self, const exchange_ptr& x,
                const request_key& key, ec why, const key_step& then,
                const std::function<void()>& refused);

} // namespace tk::http
