#pragma once

#include <cstdint>
#include <string>

/// What operators tell buyers (G08). Pure.
namespace tk::inspector {

enum class notice_verb : uint8_t { add = 1, change, remove };

struct notice_order {
  notice_verb verb = notice_verb::add;
  std::string id; ///< Of `change` and `remove`.
  std::string level, ko, en;
  std::string event;       ///< Empty: for everybody.
  std::string from, until; ///< ISO-8601 with offset; may be empty.
  std::string operation;   ///< A uuid, of `add`.
};

/// The path at an operators' listener, the method, and the body; none for `remove`.
std::string notice_path(const notice_order& x);
std::string notice_method(const notice_order& x);
std::string notice_request(const notice_order& x);

} // namespace tk::inspector
