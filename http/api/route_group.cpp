#include "http/api/route_group.hpp"

namespace tk::http {

route_words& route_words::or_gives(int status, std::string schema, std::string description) {
  auto& x = to_.others.emplace_back();
  x.status = status;
  x.schema = std::move(schema);
  x.description = std::move(description);
  return *this;
}

route_words& route_words::query(std::string name, std::string schema, std::string description) {
  auto& x = to_.queries.emplace_back();
  x.name = std::move(name);
  x.schema = std::move(schema);
  x.description = std::move(description);
  return *this;
}

void route_words::runs(void (*run)(shop&, const exchange_ptr&)) {
  to_.run = [&s = shop_, run](const exchange_ptr& x) { run(s, x); };
}

route_words route_group::add(method verb, std::string path, std::string name, std::string summary) {
  auto& x = out_.emplace_back();
  x.verb = verb;
  x.path = std::move(path);
  x.name = std::move(name);
  x.summary = std::move(summary);
  x.tag = tag_;
  return {shop_, x};
}

} // namespace tk::http
