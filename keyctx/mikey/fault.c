/* SPDX-License-Identifier: MIT */
/* Records faults of MIKEY messages, and names their error numbers. */
#include "keyctx/mikey/fault.h"

#include <stdarg.h>
#include <stdio.h>

static void fill(struct mikey_fault *f, enum mikey_error no, const char *fmt, va_list ap)
{
	*f = (struct mikey_fault){.no = no};
	vsnprintf(f->why.text, sizeof(f->why.text), fmt, ap);
}

enum err mikey_fail(struct mikey_fault *fault, enum err e, enum mikey_error no, const char *fmt,
                    ...)
{
	va_list ap;

	if (fault) {
		va_start(ap, fmt);
		fill(fault, no, fmt, ap);
		va_end(ap);
	}
	return e;
}

/* Six parameters: fault, error code, error number, offset, format and its arguments. */
enum err mikey_fail_at(struct mikey_fault *fault, enum err e, enum mikey_error no, size_t offset,
                       const char *fmt, ...)
{
	va_list ap;

	if (fault) {
		va_start(ap, fmt);
		fill(fault, no, fmt, ap);
		va_end(ap);
		fault->has_offset = true;
		fault->offset = offset;
	}
	return e;
}

const char *mikey_error_name(unsigned no)
{
	static const char *const names[] = {
		[MIKEY_E_AUTH] = "Auth failure",
		[MIKEY_E_TS] = "Invalid TS",
		[MIKEY_E_PRF] = "Invalid PRF",
		[MIKEY_E_MAC] = "Invalid MAC",
		[MIKEY_E_EA] = "Invalid EA",
		[MIKEY_E_HASH] = "Invalid HA",
		[MIKEY_E_DH] = "Invalid DH",
		[MIKEY_E_ID] = "Invalid ID",
		[MIKEY_E_CERT] = "Invalid Cert",
		[MIKEY_E_SP] = "Invalid SP",
		[MIKEY_E_SPPAR] = "Invalid SPpar",
		[MIKEY_E_DT] = "Invalid DT",
		[MIKEY_E_UNSPECIFIED] = "Unspecified error",
		[MIKEY_E_UNSUPPORTED] = "Unsupported message type",
		[MIKEY_E_TICKET] = "Invalid TICKET",
		[MIKEY_E_TPPAR] = "Invalid TPpar",
	};

	return no < ARRAY_LEN(names) ? names[no] : "unknown error";
}

const char *mikey_error_meaning(unsigned no)
{
	static const char *const texts[] = {
		[MIKEY_E_AUTH] = "it could not authenticate the message: the keys differ, or the "
				 "message was changed on its way",
		[MIKEY_E_TS] = "the timestamp is out of range, or it has seen the message before; "
			       "check the clocks",
		[MIKEY_E_PRF] = "it does not support the PRF",
		[MIKEY_E_MAC] = "it does not support the MAC algorithm",
		[MIKEY_E_EA] = "it does not support the encryption of the keys",
		[MIKEY_E_HASH] = "it does not support the hash function",
		[MIKEY_E_DH] = "it does not support the Diffie-Hellman group",
		[MIKEY_E_ID] = "an identity is not its own, is unknown, or is not allowed",
		[MIKEY_E_CERT] = "it does not accept the certificate",
		[MIKEY_E_SP] = "it does not support the security policy; offer another suite",
		[MIKEY_E_SPPAR] = "it does not support a parameter of the security policy; offer "
				  "another suite",
		[MIKEY_E_DT] = "it does not expect this kind of message",
		[MIKEY_E_UNSPECIFIED] = "it gives no reason",
		[MIKEY_E_UNSUPPORTED] = "it does not support this kind of message",
		[MIKEY_E_TICKET] = "it does not accept the ticket, or its type",
		[MIKEY_E_TPPAR] =
			"it does not accept the policy of the ticket, for example because "
			"the ticket was used before",
	};

	return no < ARRAY_LEN(texts) ? texts[no] : "this number is not known";
}
