#pragma once

#include <string>
#include <vector>

/// How `tiketi-inspect` asks nodes: their operators' listeners, over HTTP.
namespace tk::inspector {

struct node_options {
  std::vector<std::string> nodes; ///< Base URLs; none: those of the environment.
  std::string token_file;         ///< "-" is stdin; empty: as the environment says.
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

/// Takes from the environment what the command line has left open, and reads the token; the error
/// is one line. It is asked here and not by the parser: that fills an option of every command, also
/// of those that were not named, and several share one.
std::string prepare(node_options& x);

/// One request. `verb` empty: GET without a body, POST with one.
node_answer ask_node(const node_options& with, const std::string& node, const std::string& path,
                     const std::string& body = {}, const std::string& verb = {});

/// Whether the next node is asked when one did not answer.
enum class go_on : uint8_t {
  when_not_sent = 1, ///< Only when it has heard nothing, for certain.
  when_unsure        ///< Also when it may have: to ask twice does no harm.
};

/// What came of asking one node after the other.
struct asked_in_turn {
  node_answer last;
  std::vector<node_answer> before; ///< Those that did not answer, or not now.
};

/// Asks until one node has answered.
asked_in_turn ask_first(const node_options& with, const std::string& path, go_on when,
                        const std::string& body = {}, const std::string& verb = {});

/// Percent-encodes whatever is not unreserved.
std::string url_part(const std::string& text);

} // namespace tk::inspector
