#include "inspector/node_client.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>

#include <curl/curl.h>

#include "inspector/config.hpp"

namespace tk::inspector {

namespace {

constexpr size_t answer_max = 64u << 20;

struct easy_deleter {
  void operator()(CURL* x) const { curl_easy_cleanup(x); }
};
struct list_deleter {
  void operator()(curl_slist* x) const { curl_slist_free_all(x); }
};
using easy = std::unique_ptr<CURL, easy_deleter>;
using header_list = std::unique_ptr<curl_slist, list_deleter>;

/// Fewer bytes than given end the transfer.
size_t append(char* data, size_t size, size_t count, void* to) {
  auto& out = *static_cast<std::string*>(to);
  auto bytes = size * count;
  if (out.size() + bytes > answer_max) return 0;
  out.append(data, bytes);
  return bytes;
}

/// libcurl's own initialisation: before the first use, once.
bool ready() {
  static const bool done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return done;
}

void add_header(header_list& to, const std::string& line) {
  if (auto* longer = curl_slist_append(to.get(), line.c_str())) {
    (void)to.release();
    to.reset(longer);
  }
}

std::string trimmed(const std::string& text) {
  constexpr const char* blanks = " \t\r\n";
  auto first = text.find_first_not_of(blanks);
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// What stands between commas.
std::vector<std::string> listed(const std::string& text) {
  std::vector<std::string> out;
  for (size_t from = 0; from < text.size();) {
    auto end = std::min(text.find(',', from), text.size());
    if (auto one = trimmed(text.substr(from, end - from)); !one.empty())
      out.push_back(std::move(one));
    from = end + 1;
  }
  return out;
}

/// The node, or what is in front of it, cannot do it at the moment.
bool not_now(int status) {
  constexpr int bad_gateway = 502, unavailable = 503, gateway_timeout = 504;
  return status == bad_gateway || status == unavailable || status == gateway_timeout;
}

/// Whether a transfer that failed has told nobody anything: there was no connection.
bool unheard(CURL* x, CURLcode code) {
  if (code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST) return true;
  curl_off_t connected_us = 0;
  return code == CURLE_OPERATION_TIMEDOUT &&
         curl_easy_getinfo(x, CURLINFO_CONNECT_TIME_T, &connected_us) == CURLE_OK &&
         connected_us == 0;
}

} // namespace

std::string prepare(node_options& x) {
  const auto said = environment_of_nodes();
  if (x.nodes.empty()) x.nodes = listed(said.nodes);
  if (x.nodes.empty()) x.nodes.emplace_back("http://127.0.0.1:3011");
  if (x.token_file.empty()) x.token_file = said.token_file;
  x.token = said.token;
  if (!x.token_file.empty()) {
    std::string text;
    if (x.token_file == "-") {
      std::getline(std::cin, text);
    } else {
      std::ifstream in{x.token_file};
      if (!std::getline(in, text)) return "cannot read a token from " + x.token_file;
    }
    x.token = text;
  }
  x.token = trimmed(x.token);
  return x.token.empty() ? "no token; say --token-file FILE, or set INSPECT_TOKEN_FILE" : "";
}

node_answer ask_node(const node_options& with, const std::string& node, const std::string& path,
                     const std::string& body, const std::string& verb) {
  node_answer out;
  out.node = node;
  const easy handle{ready() ? curl_easy_init() : nullptr};
  if (!handle) {
    out.error = "libcurl cannot start";
    return out;
  }
  auto* x = handle.get();
  header_list headers;
  add_header(headers, "Authorization: Bearer " + with.token);
  add_header(headers, "Accept: application/json");
  add_header(headers, "Content-Type: application/json");
  auto url = node;
  while (!url.empty() && url.back() == '/') url.pop_back();
  url += path;
  curl_easy_setopt(x, CURLOPT_URL, url.c_str());
  curl_easy_setopt(x, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(x, CURLOPT_NOPROXY, "*"); // A token goes to its node and nowhere else.
  curl_easy_setopt(x, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(x, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(x, CURLOPT_CONNECTTIMEOUT_MS, 3000L);
  curl_easy_setopt(x, CURLOPT_TIMEOUT, static_cast<long>(with.limit_s));
  curl_easy_setopt(x, CURLOPT_HTTPHEADER, headers.get());
  if (!body.empty()) curl_easy_setopt(x, CURLOPT_POSTFIELDS, body.c_str());
  if (!verb.empty()) curl_easy_setopt(x, CURLOPT_CUSTOMREQUEST, verb.c_str());
  curl_easy_setopt(x, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(x, CURLOPT_WRITEDATA, &out.body);
  auto code = curl_easy_perform(x);
  if (code != CURLE_OK) {
    out.error = curl_easy_strerror(code);
    out.not_sent = unheard(x, code);
    return out;
  }
  long status = 0;
  curl_easy_getinfo(x, CURLINFO_RESPONSE_CODE, &status);
  out.status = static_cast<int>(status);
  return out;
}

asked_in_turn ask_first(const node_options& with, const std::string& path, go_on when,
                        const std::string& body, const std::string& verb) {
  asked_in_turn out;
  for (size_t i = 0; i < with.nodes.size(); ++i) {
    if (i > 0) out.before.push_back(std::move(out.last));
    out.last = ask_node(with, with.nodes[i], path, body, verb);
    auto silent = out.last.status == 0;
    bool next =
      when == go_on::when_unsure ? silent || not_now(out.last.status) : silent && out.last.not_sent;
    if (!next) break;
  }
  return out;
}

std::string url_part(const std::string& text) {
  constexpr const char* digits = "0123456789ABCDEF";
  std::string out;
  for (unsigned char c : text) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 c == '-' || c == '.' || c == '_' || c == '~' || c == ':';
    if (plain) out += static_cast<char>(c);
    else out.append({'%', digits[c >> 4], digits[c & 15]});
  }
  return out;
}

} // namespace tk::inspector
