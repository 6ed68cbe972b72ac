#include "io/portmap/soap.h"

#include <gtest/gtest.h>

namespace turnpike::io {
namespace {

TEST(Soap, NamesTheServiceTheActionAndItsArgumentsInOrder) {
  const std::string body = soap_body("urn:x:service:WANIPConnection:1", "DeletePortMapping",
                                     {{"NewRemoteHost", ""}, {"NewExternalPort", "5001"}, {"NewProtocol", "TCP"}});
  EXPECT_NE(body.find("<u:DeletePortMapping xmlns:u=\"urn:x:service:WANIPConnection:1\"><NewRemoteHost></NewRemoteHost>"
                      "<NewExternalPort>5001</NewExternalPort><NewProtocol>TCP</NewProtocol></u:DeletePortMapping>"),
            std::string::npos)
      << body;
}

TEST(Soap, ReadsTheValuesOfAnAnswer) {
  const auto answer = parse_soap(
      bytes_of("<s:Envelope><s:Body><u:AddAnyPortMappingResponse xmlns:u=\"x\"><NewReservedPort>6001</NewReservedPort>"
               "</u:AddAnyPortMappingResponse></s:Body></s:Envelope>"));
  EXPECT_EQ(answer.value("NewReservedPort"), "6001");
  EXPECT_EQ(answer.value("Other"), "");
  EXPECT_FALSE(answer.error());
}

TEST(Soap, ReadsAFault) {
  const auto answer = parse_soap(bytes_of(
      "<s:Envelope><s:Body><s:Fault><faultcode>s:Client</faultcode><detail><UPnPError><errorCode>718</errorCode>"
      "<errorDescription>ConflictInMappingEntry</errorDescription></UPnPError></detail></s:Fault></s:Body></"
      "s:Envelope>"));
  EXPECT_EQ(answer.error(), 718);
  EXPECT_EQ(answer.value("errorDescription"), "ConflictInMappingEntry");
}

TEST(Soap, TakesACodeThatIsNoNumberForAnErrorAllTheSame) {
  for (const char* code : {"x", "", "-5", "99999999999999"}) {
    const std::string body = "<a><errorCode>" + std::string(code) + "</errorCode></a>";
    const auto error = parse_soap(bytes_of(body)).error();
    if (*code != '\0') EXPECT_EQ(error, -1) << code;
  }
}

TEST(Soap, SurvivesWhatIsNoXml) {
  for (const std::string& text : {std::string(), std::string("<"), std::string("<<<"), std::string(kMaxSoapAnswer, '<'),
                                  "<a>" + std::string(kMaxSoapAnswer, 'x') + "</a>"}) {
    (void)parse_soap(bytes_of(text));
  }
}

}  // namespace
}  // namespace turnpike::io
