/* SPDX-License-Identifier: MIT */
/* keyctx/sdp: rows O1 to O11 and T1 to T6 of the IMS profile, capability negotiation, a=3ge2ae, and
 * the mediasec lists. */
#include "keyctx/sdp/capneg.h"
#include "keyctx/sdp/ims.h"
#include "keyctx/sdp/keymgmt.h"
#include "keyctx/sdp/mediasec.h"
#include "tests/harness/harness.h"

#define K1         "S1RMlTxH34hgvmcxGF7FXWcL0eX1oMYQ6dHtXTMn"
#define CRYPTO     "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" K1 "\n"
#define BAD_CRYPTO "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA\n"
#define MIKEY      "a=key-mgmt:mikey AQAFgM0XflABAAAAAAAAAAAAAAsAyONQ6gAA\n"
#define REQUESTED  "a=3ge2ae:requested\n"
#define CAPABLE                                                                             \
	"a=tcap:1 RTP/SAVPF RTP/SAVP\na=acap:1 crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" K1 \
	"\na=acap:2 3ge2ae:requested\na=pcfg:1 t=2 a=1,[2]\n"

static struct sdp *media(const char *proto, const char *lines)
{
	struct sdp *s = NULL;
	char text[2048];

	snprintf(text, sizeof(text), "v=0\nm=audio 4000 %s 0\n%s", proto, lines);
	EXPECT_OK(sdp_parse(&s, str_of(text), NULL));
	return s;
}

enum { BINDING = 1, EMERGENCY = 2, OPEN_GM = 4, NO_AVP_CRYPTO = 8, NO_CAPABILITY = 16, OFF = 32 };

struct offer_row {
	const char *proto, *lines;
	unsigned call;
	const char *row, *action;
};

static const struct offer_row from_ue[] = {
	{"RTP/AVP", "", BINDING, "O1", "plain"},
	{"RTP/AVPF", "", 0, "O1", "plain"},
	{"RTP/SAVP", REQUESTED CRYPTO, BINDING, "O2", "e2ae"},
	{"RTP/SAVPF", "a=3ge2ae: requested\n" CRYPTO, BINDING, "O2", "e2ae"},
	{"RTP/SAVP", REQUESTED BAD_CRYPTO "a=crypto:2 AES_CM_128_HMAC_SHA1_32 inline:" K1 "\n",
         BINDING, "O2", "e2ae"},
	{"RTP/SAVP", REQUESTED CRYPTO, 0, "O3", "refuse"},
	{"RTP/SAVP", REQUESTED CRYPTO, BINDING | OFF, "O3", "refuse"},
	{"RTP/SAVP", REQUESTED CRYPTO, BINDING | OPEN_GM, "O3", "refuse"},
	{"RTP/SAVP", CRYPTO, BINDING, "O4", "e2e"},
	{"RTP/SAVP", "a=3ge2ae:perhaps\n" CRYPTO, BINDING, "O4", "e2e"},
	{"RTP/SAVP", "a=3ge2ae:applied\n" CRYPTO, BINDING, "O4", "e2e"},
	{"RTP/SAVP", MIKEY, BINDING, "O5", "e2e"},
	{"RTP/SAVP", MIKEY CRYPTO, 0, "O6", "e2e"},
	{"RTP/SAVP", REQUESTED MIKEY CRYPTO, BINDING, "O7", "e2ae"},
	{"RTP/SAVP", REQUESTED MIKEY, BINDING, "O7", "refuse"},
	{"RTP/SAVP", REQUESTED MIKEY BAD_CRYPTO, BINDING, "O7", "refuse"},
	{"RTP/AVP", REQUESTED CRYPTO, BINDING, "O8", "e2ae-avp"},
	{"RTP/AVP", REQUESTED CRYPTO, BINDING | NO_AVP_CRYPTO, "O1", "plain"},
	{"RTP/AVP", REQUESTED CRYPTO, 0, "O1", "plain"},
	{"RTP/AVP", CRYPTO, BINDING, "O1", "plain"},
	{"RTP/AVP", CAPABLE, BINDING, "O9", "e2ae-capability"},
	{"RTP/AVP", CAPABLE, BINDING | NO_CAPABILITY, "O1", "plain"},
	{"RTP/AVP", CAPABLE, 0, "O1", "plain"},
	{"UDP/TLS/RTP/SAVPF", "a=fingerprint:sha-1 00\n", BINDING, "O10", "e2e"},
	{"RTP/SAVP", REQUESTED BAD_CRYPTO, BINDING, "O11", "refuse"},
	{"RTP/SAVP", REQUESTED, 0, "O11", "refuse"},
	{"RTP/SAVP", BAD_CRYPTO, BINDING, "O11", "e2e"},
	{"RTP/SAVP", "", 0, "O11", "e2e"},
	{"RTP/SAVP", CRYPTO, BINDING | EMERGENCY, "O2e", "e2ae"},
	{"RTP/SAVP", CRYPTO, EMERGENCY, "O11e", "e2e"},
	{"RTP/SAVP", REQUESTED CRYPTO, EMERGENCY, "O11e", "e2e"},
	{"RTP/SAVP", REQUESTED BAD_CRYPTO, BINDING | EMERGENCY, "O11e", "e2e"},
	{"RTP/AVP", "", EMERGENCY, "O1", "plain"},
	{"udptl", "", BINDING, "O1", "plain"},
};

static const struct offer_row from_core[] = {
	{"RTP/AVP", "", BINDING, "T1", "e2ae"},
	{"RTP/AVPF", REQUESTED, BINDING, "T1", "e2ae"},
	{"RTP/AVP", "", 0, "T2", "plain"},
	{"RTP/AVP", "", BINDING | OFF, "T2", "plain"},
	{"RTP/AVP", "", BINDING | OPEN_GM, "T2", "plain"},
	{"RTP/SAVP", CRYPTO, BINDING, "T3", "e2e"},
	{"RTP/SAVP", MIKEY, BINDING, "T3", "e2e"},
	{"RTP/SAVP", REQUESTED CRYPTO, BINDING, "T3", "e2e"},
	{"RTP/AVP", CRYPTO, BINDING, "T4", "e2ae"},
	{"RTP/AVP", CRYPTO, 0, "T4", "plain"},
	{"UDP/TLS/RTP/SAVPF", "", BINDING, "T6", "e2e"},
	{"udptl", "", BINDING, "T2", "plain"},
};

static void check_rows(const struct offer_row *rows, size_t n, bool is_core)
{
	struct sdes_policy p;

	sdes_policy_defaults(&p);
	for (size_t i = 0; i < n; i++) {
		struct sdp *s = media(rows[i].proto, rows[i].lines);
		static struct sdes_list list;
		struct capneg capability;
		struct ims_facts f;
		struct ims_call c;
		struct ims_decision d;
		bool capable;

		test_context("%s %s %s (%u)", rows[i].row, rows[i].proto, rows[i].lines,
		             rows[i].call);
		REQUIRE(s != NULL);
		ims_call_defaults(&c);
		c.has_binding = rows[i].call & BINDING;
		c.is_emergency = rows[i].call & EMERGENCY;
		c.gm_is_confidential = !(rows[i].call & OPEN_GM);
		c.accept_avp_crypto = !(rows[i].call & NO_AVP_CRYPTO);
		c.use_capabilities = !(rows[i].call & NO_CAPABILITY);
		c.e2ae_enabled = !(rows[i].call & OFF);
		REQUIRE_OK(sdes_list_parse(&list, s, 0, &p));
		capable = capneg_choose(&capability, s, 0, &p) == ERR_OK;
		if (capable)
			capneg_clear(&capability);
		ims_facts_read(&f, s, 0, &list, capable);
		d = is_core ? ims_decide_from_core(&f, &c) : ims_decide_from_ue(&f, &c);
		EXPECT_TEXT(d.row, rows[i].row);
		EXPECT_TEXT(ims_action_name(d.action), rows[i].action);
		EXPECT(d.reason && d.reason[0]);
		sdes_list_clear(&list);
		sdp_free(s);
	}
}

static void offers_of_the_ue(void)
{
	check_rows(from_ue, ARRAY_LEN(from_ue), false);
}

static void offers_of_the_core(void)
{
	check_rows(from_core, ARRAY_LEN(from_core), true);
}

static void the_confidential_gm_can_be_waived(void)
{
	struct ims_facts f = {.profile = SDP_PROFILE_SAVP,
	                      .has_crypto = true,
	                      .has_usable_crypto = true,
	                      .is_requested = true};
	struct ims_call c;

	ims_call_defaults(&c);
	c.has_binding = true;
	c.gm_is_confidential = false;
	c.require_confidential_gm = false;
	EXPECT_TEXT(ims_decide_from_ue(&f, &c).row, "O2");
}

static void the_core_answers_in_kind(void)
{
	EXPECT(ims_is_answer_in_kind(SDP_PROFILE_AVP, SDP_PROFILE_AVPF));
	EXPECT(!ims_is_answer_in_kind(SDP_PROFILE_AVP, SDP_PROFILE_SAVP));
	EXPECT(!ims_is_answer_in_kind(SDP_PROFILE_SAVP, SDP_PROFILE_AVP));
	EXPECT(!ims_is_answer_in_kind(SDP_PROFILE_AVP, SDP_PROFILE_DTLS_SAVP));
}

static void the_indicator_is_kept_clean(void)
{
	struct sdp *s = media("RTP/SAVP", "a=3ge2ae:x\na=3ge2ae: applied\na=sendrecv\n");
	char text[512];
	size_t n = 0;

	REQUIRE(s != NULL);
	EXPECT_OK(sdp_attr_add(s, SDP_SESSION, "3ge2ae", STR("requested")));
	EXPECT_INT(ims_3ge2ae_read(s, 0), IMS_3GE2AE_APPLIED);
	ims_3ge2ae_remove(s);
	EXPECT_INT(ims_3ge2ae_read(s, 0), IMS_3GE2AE_ABSENT);
	EXPECT_OK(sdp_print(s, text, sizeof(text) - 1, &n));
	text[n] = '\0';
	EXPECT(strstr(text, "3ge2ae") == NULL);
	EXPECT_OK(ims_3ge2ae_write(s, 0, IMS_3GE2AE_APPLIED));
	EXPECT_INT(ims_3ge2ae_read(s, 0), IMS_3GE2AE_APPLIED);
	sdp_free(s);
}

static void capabilities_are_chosen(void)
{
#define ACAP(n, what) "a=acap:" #n " " what "\n"
#define OK_LINE       "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" K1
	static const struct {
		const char *lines, *acfg; /* acfg: the configuration chosen; NULL if none fits */
		bool requested;
	} rows[] = {
		{"", NULL, false},
		{"a=tcap:1 RTP/SAVP\n" ACAP(1, OK_LINE) "a=pcfg:1 t=1 a=1\n", "1 t=1 a=1", false},
		{"a=tcap:1 RTP/SAVP\n" ACAP(1, OK_LINE) "a=pcfg:2 t=1 a=1\na=pcfg:1 t=1 a=1\n",
	         "1 t=1 a=1", false},
		{"a=tcap:5 RTP/AVPF RTP/SAVPF\n" ACAP(1, OK_LINE) "a=pcfg:1 t=5|6 a=9|1\n",
	         "1 t=6 a=1", false},
		{"a=tcap:1 RTP/SAVP\n" ACAP(1, OK_LINE)
	                 ACAP(2, "3ge2ae:requested") "a=pcfg:1 t=1 a=-m:1,2\n",
	         "1 t=1 a=-m:1,2", true},
		{"a=tcap:1 RTP/SAVP\n" ACAP(1, OK_LINE)
	                 ACAP(2, "rtcp-fb:0 nack") "a=pcfg:1 t=1 a=1,2\n",
	         NULL, false},
		{"a=tcap:1 RTP/SAVP\n" ACAP(1, OK_LINE)
	                 ACAP(2, "rtcp-fb:0 nack") "a=pcfg:1 t=1 a=1,[2]\n",
	         "1 t=1 a=1,[2]", false},
		{"a=tcap:1 RTP/SAVP\n" ACAP(
			 1, "crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAA") "a=pcfg:1 t=1 a=1\n",
	         NULL, false},
		{"a=tcap:1 RTP/SAVP\n" ACAP(1, OK_LINE) "a=pcfg:1 t=1 a=1 +new=1\n", NULL, false},
		{"a=tcap:1 RTP/SAVP\na=creq:med-v0\n" ACAP(1, OK_LINE) "a=pcfg:1 t=1 a=1\n", NULL,
	         false},
		{"a=tcap:1 RTP/SAVP\na=creq:cap-v0\n" ACAP(1, OK_LINE) "a=pcfg:1 t=1 a=1\n",
	         "1 t=1 a=1", false},
		{"a=tcap:1 RTP/AVPF\n" ACAP(1, OK_LINE) "a=pcfg:1 t=1 a=1\n", NULL, false},
		{"a=tcap:1 RTP/SAVP\n" ACAP(1, "key-mgmt:mikey AAAA") "a=pcfg:1 t=1 a=1\n", NULL,
	         false},
		{"a=pcfg:1 t=1 a=1\n", NULL, false},
	};
	struct sdes_policy p;

	sdes_policy_defaults(&p);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sdp *s = media("RTP/AVP", rows[i].lines);
		struct capneg c = {0};
		enum err e;

		test_context("row %zu", i);
		REQUIRE(s != NULL);
		e = capneg_choose(&c, s, 0, &p);
		EXPECT_ERR(e, rows[i].acfg ? ERR_OK : ERR_NOT_FOUND);
		if (!e) {
			EXPECT_TEXT(c.acfg, rows[i].acfg);
			EXPECT_INT(c.e2ae_requested, rows[i].requested);
			EXPECT(sdp_profile_is_secure(c.profile));
			capneg_clear(&c);
		}
		for (struct sdp_line *l = sdp_next_type(s, 0, NULL, 'a'); l;
		     l = sdp_next_type(s, 0, l, 'a'))
			EXPECT_INT(capneg_is_line(l), !str_starts(l->value, "crypto") &&
			                                      !str_starts(l->value, "rtpmap"));
		sdp_free(s);
	}
}

static void key_management_is_recognised(void)
{
	struct sdp *s = media("RTP/SAVP", "a=key-mgmt: mikey AQAF\na=key-mgmt:other AAAA\n");
	struct keymgmt a = {0}, b = {0};

	REQUIRE(s != NULL);
	EXPECT_OK(sdp_attr_add(s, SDP_SESSION, "key-mgmt", STR("mikey AQAFgM0X")));
	REQUIRE_OK(keymgmt_find(&a, s, 0, "mikey"));
	EXPECT_OCTETS(a.octets, a.len, "\1\0\5", 3);
	EXPECT(!a.is_session_level);
	EXPECT_ERR(keymgmt_find(&b, s, 0, "MIKEY"), ERR_NOT_FOUND);
	(void)sdp_attr_remove(s, 0, "key-mgmt");
	REQUIRE_OK(keymgmt_find(&b, s, 0, "mikey"));
	EXPECT(b.is_session_level && !keymgmt_eq(&a, &b));
	EXPECT_OK(keymgmt_write(s, 0, &a));
	keymgmt_clear(&b);
	REQUIRE_OK(keymgmt_find(&b, s, 0, "mikey"));
	EXPECT(keymgmt_eq(&a, &b));
	EXPECT_OK(sdp_attr_add(s, 0, "key-mgmt", STR("mikey AQAF")));
	keymgmt_clear(&b);
	EXPECT_ERR(keymgmt_find(&b, s, 0, "mikey"), ERR_SYNTAX);
	EXPECT_ERR(keymgmt_parse(&b, STR("mikey")), ERR_SYNTAX);
	EXPECT_ERR(keymgmt_parse(&b, STR("mikey A!")), ERR_SYNTAX);
	EXPECT_ERR(keymgmt_parse(&b, STR("mikey AAAA AAAA")), ERR_SYNTAX);
	EXPECT_ERR(keymgmt_parse(&b, STR("mi/key AAAA")), ERR_SYNTAX);
	keymgmt_clear(&a);
	sdp_free(s);
}

static void mediasec_lists_are_read(void)
{
	static const struct {
		const char *first, *second;
		enum err want;
		uint32_t mechanisms;
		unsigned n_media, n_signalling;
	} rows[] = {
		{"sdes-srtp;mediasec", "", ERR_OK, 1, 1, 0},
		{"ipsec-3gpp; alg=hmac-sha-1-96; spi-c=1, sdes-srtp ;mediasec", "", ERR_OK, 1, 1,
	         1},
		{"ipsec-3gpp", "sdes-srtp;mediasec", ERR_OK, 1, 1, 1},
		{"sdes-srtp", "", ERR_OK, 0, 0, 1},
		{"SDES-SRTP;MediaSec", "", ERR_OK, 1, 1, 0},
		{"new-thing;mediasec, msrp-tls;mediasec;q=0.1", "", ERR_OK, 2, 2, 0},
		{"digest;d-ver=\"a,b;mediasec\"", "", ERR_OK, 0, 0, 1},
		{"sdes-srtp;mediasecx", "", ERR_OK, 0, 0, 1},
		{", ,sdes-srtp;mediasec,", "", ERR_OK, 1, 1, 0},
		{"digest;d-ver=\"open", "", ERR_SYNTAX, 0, 0, 0},
		{";mediasec", "", ERR_SYNTAX, 0, 0, 0},
		{"", "", ERR_OK, 0, 0, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str values[] = {str_of(rows[i].first), str_of(rows[i].second)};
		struct mediasec_list l = {0};

		test_context("%s | %s", rows[i].first, rows[i].second);
		EXPECT_ERR(mediasec_parse(&l, values, 2, NULL), rows[i].want);
		EXPECT_INT(l.mechanisms, rows[i].mechanisms);
		EXPECT_INT(l.n_media, rows[i].n_media);
		EXPECT_INT(l.n_signalling, rows[i].n_signalling);
	}
}

static void mediasec_is_decided(void)
{
	static const struct mediasec_list sdes = {.mechanisms = 1, .n_media = 1}, none = {0},
					  other = {.n_media = 1},
					  both = {.mechanisms = 1 | 1 << MEDIASEC_DTLS_SRTP,
	                                          .n_media = 2};
	static const struct {
		struct mediasec_question q;
		int status;
		bool store, e2ae, downgrade;
		const char *server;
	} rows[] = {
		{{.step = MEDIASEC_FIRST, .ours = 1, .client = &sdes},
	         0,
	         false,
	         false,
	         false,
	         "sdes-srtp;mediasec"},
		{{.step = MEDIASEC_FIRST, .ours = 0, .client = &sdes}, 0, false, false, false, ""},
		{{.step = MEDIASEC_FIRST, .ours = 1, .client = &none}, 0, false, false, false, ""},
		{{.step = MEDIASEC_FIRST, .ours = 1}, 0, false, false, false, ""},
		{{
			 .step = MEDIASEC_PROTECTED,
			 .ours = 1,
			 .sent = 1,
			 .client = &sdes,
			 .verify = &sdes,
		 },
	         0,
	         true,
	         true,
	         false,
	         "sdes-srtp;mediasec"},
		{{
			 .step = MEDIASEC_PROTECTED,
			 .ours = 1 | 16,
			 .sent = 17,
			 .client = &both,
			 .verify = &both,
		 },
	         0,
	         true,
	         true,
	         false,
	         "sdes-srtp;mediasec, dtls-srtp;mediasec"},
		{{.step = MEDIASEC_PROTECTED, .ours = 1, .client = &other},
	         0,
	         true,
	         false,
	         false,
	         "sdes-srtp;mediasec"},
		{{.step = MEDIASEC_PROTECTED, .ours = 1}, 0, true, false, false, ""},
		{{
			 .step = MEDIASEC_PROTECTED,
			 .ours = 1,
			 .sent = 1,
			 .client = &sdes,
			 .verify = &none,
		 },
	         0,
	         true,
	         false,
	         true,
	         "sdes-srtp;mediasec"},
		{{
			 .step = MEDIASEC_PROTECTED,
			 .ours = 1,
			 .sent = 1,
			 .uses_sec_agree = true,
			 .client = &sdes,
		 },
	         494,
	         false,
	         false,
	         true,
	         "sdes-srtp;mediasec"},
		{{
			 .step = MEDIASEC_PROTECTED,
			 .ours = 1,
			 .client = &sdes,
			 .is_emergency_registration = true,
		 },
	         0,
	         true,
	         false,
	         false,
	         ""},
		{{.step = MEDIASEC_REQUEST, .ours = 1, .sent = 1, .verify = &sdes},
	         0,
	         false,
	         false,
	         false,
	         ""},
		{{
			 .step = MEDIASEC_REQUEST,
			 .ours = 1,
			 .sent = 1,
			 .verify = &none,
			 .uses_sec_agree = true,
		 },
	         494,
	         false,
	         false,
	         true,
	         "sdes-srtp;mediasec"},
		{{.step = MEDIASEC_REQUEST, .ours = 1, .sent = 1, .verify = &none},
	         0,
	         false,
	         false,
	         true,
	         ""},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mediasec_decision d;

		test_context("row %zu", i);
		mediasec_decide(&d, &rows[i].q);
		EXPECT_INT(d.status, rows[i].status);
		EXPECT_INT(d.store, rows[i].store);
		EXPECT_INT(d.e2ae, rows[i].e2ae);
		EXPECT_INT(d.is_downgrade, rows[i].downgrade);
		EXPECT_TEXT(d.security_server, rows[i].server);
	}
}

static void the_option_tag_is_stripped(void)
{
	static const char *const rows[][2] = {
		{"mediasec", ""},
		{"sec-agree, mediasec", "sec-agree"},
		{"mediasec,sec-agree,path", "sec-agree, path"},
		{"", ""},
		{"Mediasec, x", "x"},
	};
	char out[64];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		EXPECT_OK(mediasec_strip_option(str_of(rows[i][0]), out, sizeof(out)));
		EXPECT_TEXT(out, rows[i][1]);
	}
}

TEST_MAIN("ims", {"offers of the ue", offers_of_the_ue}, {"offers of the core", offers_of_the_core},
          {"the confidential gm can be waived", the_confidential_gm_can_be_waived},
          {"the core answers in kind", the_core_answers_in_kind},
          {"the indicator is kept clean", the_indicator_is_kept_clean},
          {"capabilities are chosen", capabilities_are_chosen},
          {"key management is recognised", key_management_is_recognised},
          {"mediasec lists are read", mediasec_lists_are_read},
          {"mediasec is decided", mediasec_is_decided},
          {"the option tag is stripped", the_option_tag_is_stripped})
