#pragma once

#include <string_view>

#include "http/route.hpp"

namespace tk::http {

/// A file of a page, inside the binary.
struct page_file {
  const char* path;
  const char* name;
  const char* summary;
  std::string_view content_type, text; ///< Literals.
  std::string_view cache_control = {}; ///< A literal; empty: nothing is said of caches.
};

/// Serves it to everybody.
route route_of(const page_file& x);

} // namespace tk::http
