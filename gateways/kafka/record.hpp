#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "persistence/relay/messages.hpp"

namespace tk {

/// Where a record stands on Kafka.
struct record_place {
  std::string topic;
  int32_t partition = 0;
  int64_t offset = 0;
};

/// A record as a consumer takes it: its envelope is the body. One that tells no type is told by its
/// fields (contract 5); one without an id is known by its place. One that is no JSON object or of a
/// version that this release does not know has no type: no consumer can take it. `at` stands for a
/// time that is not told.
outbox_row row_of(const record_place& place, std::string_view key, std::string_view value,
                  instant at);

} // namespace tk
