#include "http/page_file.hpp"

namespace tk::http {

route route_of(const page_file& x) {
  route out;
  out.path = x.path;
  out.name = x.name;
  out.summary = x.summary;
  out.tag = "system";
  out.content_type = x.content_type;
  out.response_schema = R"({"type":"string"})";
  out.run = [text = std::make_shared<const std::string>(x.text), type = x.content_type,
             cache = x.cache_control](const exchange_ptr& e) {
    auto file = json_shared(text);
    file.content_type = type;
    file.cache_control = cache;
    e->respond(std::move(file));
  };
  return out;
}

} // namespace tk::http
