#include "src/serve_flags.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <gtest/gtest.h>
#include <unistd.h>

namespace bitacora::cli {
namespace {

/// Parses `serve` with the given flags; what was wrong, or "".
std::string Parse(std::vector<std::string> flags, ServeOptions* options) {
  CLI::App program("", "bitacora");
  AddServe(program, options);
  flags.insert(flags.begin(), "serve");
  std::vector<std::string> reversed(flags.rbegin(), flags.rend());  // As CLI11 wants them.
  try {
    program.parse(reversed);
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return "";
}

std::string Refusal(std::vector<std::string> flags) {
  ServeOptions options;
  return Parse(std::move(flags), &options);
}

class ConfiguringTheServer : public testing::Test {
 protected:
  ~ConfiguringTheServer() override {
    for (const char* name : {"BITACORA_DATA", "BITACORA_KAFKA", "BITACORA_KAFKA_PROPERTY"}) {
      unsetenv(name);
    }
  }

  std::string File(const std::string& text) {
    std::string path = testing::TempDir() + "/serve_flags_" + std::to_string(getpid()) + ".toml";
    std::ofstream(path) << text;
    return path;
  }
};

TEST_F(ConfiguringTheServer, NeedsNothing) {
  ServeOptions options;
  EXPECT_EQ(Parse({}, &options), "");
  EXPECT_EQ(options.host, "127.0.0.1");
  EXPECT_EQ(options.port, 8080);
}

TEST_F(ConfiguringTheServer, PrefersFlagsToEnvironmentToFileToDefault) {
  setenv("BITACORA_DATA", "/environment", 1);
  setenv("BITACORA_KAFKA", "environment:1", 1);
  const std::string file =
      File("data = '/file'\nkafka = 'file:1'\nlisten = '127.0.0.1:1'\nworkers = 3\n");
  ServeOptions options;
  EXPECT_EQ(Parse({"--config", file, "--data", "/flag"}, &options), "");
  EXPECT_EQ(options.data_directory, "/flag");
  EXPECT_EQ(options.kafka_brokers, "environment:1");
  EXPECT_EQ(options.port, 1);
  EXPECT_EQ(options.workers, 3u);
  EXPECT_EQ(options.append_timeout.count(), 15'000);
}

TEST_F(ConfiguringTheServer, TakesPropertiesFromEverywhere) {
  ServeOptions flags;
  EXPECT_EQ(
      Parse({"--kafka", "x:1", "--kafka-property", "a=1,2=3", "--kafka-property", "b="}, &flags),
      "");
  using Properties = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(flags.kafka_properties, (Properties{{"a", "1,2=3"}, {"b", ""}}));

  ServeOptions file;
  EXPECT_EQ(Parse({"--config", File("kafka='x:1'\nkafka_property = ['a=1', 'b=2']")}, &file), "");
  EXPECT_EQ(file.kafka_properties, (Properties{{"a", "1"}, {"b", "2"}}));

  setenv("BITACORA_KAFKA_PROPERTY", "a=1\nb=2", 1);
  ServeOptions environment;
  EXPECT_EQ(Parse({"--kafka", "x:1"}, &environment), "");
  EXPECT_EQ(environment.kafka_properties, (Properties{{"a", "1"}, {"b", "2"}}));
}

TEST_F(ConfiguringTheServer, NamesWhatIsWrongInTheFile) {
  EXPECT_NE(Refusal({"--config", File("listen='127.0.0.1:0'\nworkres=1")})
                .find("line 2: key \"workres\" is unknown"),
            std::string::npos);
  EXPECT_NE(Refusal({"--config", File("workers='many'")}).find("line 1: key \"workers\""),
            std::string::npos);
  EXPECT_NE(Refusal({"--config", File("workers=[1,2]")}).find("takes one value"),
            std::string::npos);
  EXPECT_NE(Refusal({"--config", File("workers=1.5")}).find("line 1: key \"workers\""),
            std::string::npos);
  EXPECT_NE(Refusal({"--config", File("[table]\nx=1")}).find("key \"table\" is unknown"),
            std::string::npos);
  EXPECT_NE(Refusal({"--config", File("free-bytes-min=1")}).find("is unknown"), std::string::npos);
  EXPECT_NE(Refusal({"--config", File("config='/etc/passwd'")}).find("is unknown"),
            std::string::npos);
  EXPECT_NE(Refusal({"--config", File("x=[")}).find("line 1"), std::string::npos);
  EXPECT_NE(Refusal({"--config", "/nowhere.toml"}).find("/nowhere.toml"), std::string::npos);
}

TEST_F(ConfiguringTheServer, ReadsNumbersStrictly) {
  for (const char* text : {"", "-1", "0x5", "1e3", " 5", "5 ", "0", "257", "05"}) {
    EXPECT_NE(Refusal({"--workers", text}).find("--workers"), std::string::npos) << text;
  }
  EXPECT_EQ(Refusal({"--workers", "256"}), "");
}

TEST_F(ConfiguringTheServer, ReadsWhereToListen) {
  ServeOptions six;
  EXPECT_EQ(Parse({"--listen", "[::1]:0"}, &six), "");
  EXPECT_EQ(six.host, "::1");
  for (const char* text :
       {"", "8080", ":8080", "::1:8080", "127.0.0.1:", "127.0.0.1:65536", "x:y"}) {
    EXPECT_NE(Refusal({"--listen", text}).find("--listen"), std::string::npos) << text;
  }
}

TEST_F(ConfiguringTheServer, RefusesOpenAddressesUnlessTheyAreMeant) {
  for (const char* text : {"0.0.0.0:0", "[::]:0", "10.0.0.1:0", "example.org:0"}) {
    EXPECT_NE(Refusal({"--listen", text}).find("--insecure"), std::string::npos) << text;
    EXPECT_EQ(Refusal({"--listen", text, "--insecure"}), "") << text;
  }
  for (const char* text : {"localhost:0", "127.0.0.2:0"})
    EXPECT_EQ(Refusal({"--listen", text}), "");
}

TEST_F(ConfiguringTheServer, RefusesPropertiesOfNoKafka) {
  EXPECT_NE(Refusal({"--kafka-property", "a=b"}).find("without --kafka"), std::string::npos);
  EXPECT_NE(Refusal({"--kafka", "x:1", "--kafka-property", "=b"}).find("NAME=VALUE"),
            std::string::npos);
}

}  // namespace
}  // namespace bitacora::cli
