import unittest

from checks.rust_source import code_only, line_of


class CodeOnly(unittest.TestCase):
    def assert_hidden(self, source):
        self.assertNotIn("secret", code_only(source), source)

    def test_comments_and_literals_are_blanked(self):
        for source in (
            "// secret",
            "/* secret /* secret */ secret */",
            'let a = "secret \\" secret";',
            'let a = r#"secret " secret"#;',
            'let a = br"secret";',
            'let a = b"secret";',
        ):
            with self.subTest(source):
                self.assert_hidden(source)

    def test_code_after_a_literal_is_kept(self):
        for source in (
            "let a = '\"'; kept",
            "let a = '\\''; kept",
            "let a = '\\u{1F600}'; kept",
            'let a = r#"x"#; kept',
            "/* x */ kept",
            "fn f<'a>(x: &'a str) -> &'a str { kept }",
            '"// not a comment"; kept',
        ):
            with self.subTest(source):
                self.assertIn("kept", code_only(source))

    def test_lines_keep_their_numbers(self):
        code = code_only('/* one\ntwo */ "three\nfour" here')
        self.assertEqual(line_of(code, code.index("here")), 3)
