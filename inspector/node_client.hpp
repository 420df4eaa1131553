#pragma once

#include <string>
#include <vector>

/// How `tiketi-inspect` asks nodes: their operators' listeners, over HTTP.
namespace tk::inspector {

struct node_options {
  std::vector<std::string> nodes{"http://127.0.0.1:3011"}; ///< Base URLs.
  std::string token_file; ///< "-" is stdin; empty: the token of the environment.
  std::string token;
  int limit_s = 10;
};

/// What one node answered.
struct node_answer {
  std::string node; ///< Its URL.
  int status = 0;   ///< Of HTTP; 0: no answer.
  std::string body;
  std::string error;     ///< When there is no answer: why.
  bool not_sent = false; ///< Without an answer: the node has heard nothing, for certain.
  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
};

/// Reads the token; the error is one line. Blanks around it are dropped.
std::string load_token(node_options& x);

/// One request. `verb` empty: GET without a body, POST with one.
node_answer ask_node(const node_options& with, const std::string& node, const std::string& path,
                     const std::string& body = {}, const std::string& verb = {});

/// The same of the first node that can be reached: one that was not has heard nothing, for certain.
node_answer ask_first(const node_options& with, const std::string& path,
                      const std::string& body = {}, const std::string& verb = {});

/// Percent-encodes whatever is not unreserved.
std::string url_part(const std::string& text);

} // namespace tk::inspector
