/** Messages that the contract suites file: one of each kind that IMAP must tell apart. Bytes as latin-1 text. */
export const crlf = (text: string): string => text.replace(/\r?\n/g, "\r\n");

export const plainText = crlf(`Return-Path: <ann@example.org>
From: Ann Smith <ann@example.org>
To: Bob <bob@example.net>, carol@example.net
Cc: Dave <dave@example.com>
Subject: Hello needle
Date: Tue, 14 Nov 2023 22:13:20 +0000
Message-ID: <1@example.org>
X-Long: one
 two
	three

First line of text.
A zebrafish hides here.
`);

/** quoted-printable UTF-8, encoded words. */
export const encoded = crlf(`From: =?utf-8?q?J=C3=BCrgen_M=C3=BCller?= <jm@example.org>
To: bob@example.net
Subject: =?iso-8859-1?Q?Gr=FC=DFe_aus?= =?utf-8?B?IEvDtmxu?=
Date: Wed, 15 Nov 2023 01:00:00 +0900
Message-ID: <2@example.org>
In-Reply-To: <1@example.org>
References: <1@example.org>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

Stra=C3=9Fe und =
Br=C3=BCcke=00end.
`);

/** A tree: alternative in mixed, an attachment, a forwarded message with its own attachment. */
export const tree = crlf(`From: Ann Smith <ann@example.org>
Sender: desk@example.org
Reply-To: reply@example.org
To: "Group": x@example.net, y@example.net;
Subject: Re: Hello needle
Date: Thu, 16 Nov 2023 10:00:00 +0000
Message-ID: <3@example.org>
References: <1@example.org> <2@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="out er"

preamble
--out er
Content-Type: multipart/alternative; boundary=inner

--inner
Content-Type: text/plain; charset="us-ascii"
Content-ID: <part1@example.org>

plain words
--inner
Content-Type: text/html
Content-Language: en, de

<p>html <b>words</b></p>
--inner--

--out er
Content-Type: application/octet-stream; name="f.bin"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="f.bin"
Content-Description: some bytes
Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
Content-Location: http://example.org/f

AAECAwQFBgcICQoLDA0ODw==
--out er
Content-Type: message/rfc822

From: inner@example.org
Subject: the inner one
Date: Wed, 1 Nov 2023 00:00:00 +0000
Content-Type: multipart/mixed; boundary=deep

--deep

deep text
--deep
Content-Type: text/x-odd
Content-Transfer-Encoding: x-unknown

odd
--deep--
--out er--
epilogue
`);

/** No header but one field, no final newline. */
export const tiny = "Subject: tiny\r\n\r\nx";

export const samples = [plainText, encoded, tree, tiny] as const;
