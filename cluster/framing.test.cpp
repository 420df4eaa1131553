#define CAF_SUITE framing

#include <caf/test/dsl.hpp>

#include "cluster/framing.hpp"
#include "cluster/hello.hpp"

using namespace tk;
using namespace tk::cluster;

namespace {

std::vector<char> bytes(const std::string& x) { return {x.begin(), x.end()}; }

hello somebody() { return {{1, 2}, 3, "7001", shard_count, protocol_version}; }

} // namespace

CAF_TEST(frames come out as they went in however they are cut) {
  std::vector<char> all;
  CAF_REQUIRE(append_frame(all, frame_kind::hello, bytes("who")));
  CAF_REQUIRE(append_frame(all, frame_kind::beat, {}));
  CAF_REQUIRE(append_frame(all, frame_kind::answer, bytes(std::string(1000, 'x'))));
  for (size_t step : {size_t{1}, size_t{3}, size_t{7}, all.size()}) {
    frame_reader reader;
    std::vector<frame> out;
    for (size_t i = 0; i < all.size(); i += step) {
      reader.feed(std::span{all}.subspan(i, std::min(step, all.size() - i)));
      while (auto x = reader.next()) out.push_back(std::move(*x));
    }
    CAF_REQUIRE_EQUAL(out.size(), 3u);
    CAF_CHECK(out[0].kind == frame_kind::hello && out[0].content == bytes("who"));
    CAF_CHECK(out[1].kind == frame_kind::beat && out[1].content.empty());
    CAF_CHECK(out[2].kind == frame_kind::answer && out[2].content.size() == 1000);
    CAF_CHECK(!reader.broken());
  }
}

CAF_TEST(what is too large is neither made nor read) {
  std::vector<char> out;
  CAF_CHECK(!append_frame(out, frame_kind::request, std::vector<char>(content_max + 1)));
  CAF_CHECK(out.empty());
  CAF_CHECK(append_frame(out, frame_kind::request, std::vector<char>(content_max)));
  frame_reader reader;
  reader.feed(std::vector<char>{0, 0x10, 0, 1, 3}); // One more than may be.
  CAF_CHECK(!reader.next());
  CAF_CHECK(reader.broken());
}

CAF_TEST(an unknown kind breaks the connection and nothing is kept of it) {
  for (char kind : {0, 5, 127, -1}) {
    frame_reader reader;
    reader.feed(std::vector<char>{0, 0, 0, 0, kind});
    CAF_CHECK(!reader.next());
    CAF_CHECK(reader.broken());
    reader.feed(std::vector<char>{0, 0, 0, 0, 2});
    CAF_CHECK(!reader.next());
  }
}

CAF_TEST(a hello says who it is) {
  auto x = read_hello(to_bytes(somebody()));
  CAF_REQUIRE(x.has_value());
  CAF_CHECK(x->node == somebody().node);
  CAF_CHECK_EQUAL(x->incarnation, 3);
  CAF_CHECK_EQUAL(x->database, "7001");
  CAF_CHECK_EQUAL(x->shards, shard_count);
}

CAF_TEST(what is not a hello is none) {
  for (const char* text : {"", "{", "[]", "7", "{}", R"({"tiketi":1})",
                           R"({"tiketi":1,"node":"x","incarnation":1,"shards":128})",
                           R"({"tiketi":"1","node":"00000000-0000-0001-0000-000000000002",)"
                           R"("incarnation":1,"shards":128})"})
    CAF_CHECK(!read_hello(bytes(text)).has_value());
}

CAF_TEST(a later release may say more) {
  auto text = std::string{R"({"tiketi":1,"node":"00000000-0000-0001-0000-000000000002",)"
                          R"("incarnation":1,"shards":128,"database":"7001","more":{"x":[1]}})"};
  CAF_CHECK(read_hello(bytes(text)).has_value());
}

CAF_TEST(F52 whoever does not fit is refused in words) {
  auto own = somebody(), other = somebody();
  CAF_CHECK(refuse(own, other).find("id of this node") != std::string::npos);
  other.node = {1, 3};
  CAF_CHECK_EQUAL(refuse(own, other), "");
  other.shards = 64;
  CAF_CHECK(refuse(own, other).find("64 shards") != std::string::npos);
  other = somebody();
  other.node = {1, 3};
  other.database = "7002";
  CAF_CHECK(refuse(own, other).find("another database") != std::string::npos);
  other.protocol = 2;
  CAF_CHECK(refuse(own, other).find("protocol 2") != std::string::npos);
}
