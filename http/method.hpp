#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tk::http {

/// The methods of the contract. Anything else (TRACE, CONNECT, invented ones) is `other` and is
/// answered 405.
enum class method : uint8_t { get, head, post, put, patch, delete_, options, other };

constexpr size_t method_count = 8;

/// Exact, case-sensitive match of a method token.
method parse_method(std::string_view token);

/// "GET", ...; "OTHER" for `other`.
std::string_view to_string(method x);

/// True for methods that may change state: they are subject to the check of `Origin` (C22).
constexpr bool changes_state(method x) {
  return x != method::get && x != method::head && x != method::options;
}

} // namespace tk::http
