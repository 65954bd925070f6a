"""A recipe that says everything a recipe can say."""

DECLARED = """
name: toy
version: 1.0.0
title: A toy corpus
sources:
  - name: web
    path: web/*.jsonl
    license: CC0-1.0
    license_url: https://example.org/web/licence
    provider: Example Crawl
    category: web
    url: https://example.org/web
    version: "2026-01"
    selection: Every second page
    period: 2019/2024
    title: The Example Web
    acquisition: public_dataset
    accessed: 2026-02
    geography: [France, Belgium]
    content: [news, blogs]
    opt_out: {protocols: [robots.txt, TDMRep], by: provider, checked: 2026-01-15, result: 12 sites left out}
    citation: "Doe (2026), The Example Web"
  - name: web-fr
    path: fr/*.jsonl
    license: CC-BY-4.0
    language: fr
    columns: {text: body}
    category: book
    url: https://example.org/crawl
    version: "3"
    period: 2025/2026
    acquisition: crawled
    accessed: 2026-03
    geography: [France]
    content: [novels]
    crawler: {name: ExampleBot/1.0, purpose: Finding novels, behaviour: Obeys robots.txt, period: 03/2026 to 03/2026}
  - name: code
    path: [a.tar, b.tar]
    columns: {license: licence}
    language: code
    category: code
    url: https://example.org/code
    version: "7"
    acquisition: synthetic
    accessed: 2026-01
    geography: [Germany]
    content: [source code]
    synthetic:
      generator: Writer 7B
      license: Apache-2.0
      url: https://example.org/writer
      prompts: Prompts are in prompts.json
      on_the_market: true
      summary: https://example.org/writer/summary
  - name: closed
    path: closed.txt
    license: LicenseRef-Proprietary
    license_url: https://example.org/contract
    language: fr
    acquisition: private
    accessed: 2025-12
    geography: [Italy]
    content: [letters]
    period: 1950/1960
release: {samples: 0}
stages:
  - language:
      keep: {score: {min: 0.3, nulls: drop}}
  - gopher_quality:
      keep: {words: [20, 90]}
      keep_by: {language: {code: {words: [5, null]}}}
      when: {category: [web, code]}
  - exact_duplicates
  - pii
  - tokenize: {tokenizer: tokenizer.json}
card:
  summary: A corpus for tests.
  motivation: Tests need a corpus.
  intended_uses: Testing exports.
  out_of_scope_uses: Training anything.
  limitations: It is far too small.
  biases: It is in few languages.
  social_impact: None worth a word.
  personal_data: Letters name their authors.
  ethics: A board looked at it.
  maintenance: Errors are mended each spring.
  languages_note: French of three countries.
  contact: Write to Jeanne.
  contact_email: jeanne@example.org
  citation: "@misc{toy}"
  released: 2026-04-01
  url: https://example.org/toy
  doi: 10.5281/zenodo.1234567
  creators:
    - {name: Jeanne Exemple, affiliation: Université d'Exemple, orcid: 0000-0002-1825-0097, email: jeanne@example.org}
    - {name: The Toy Makers, type: organization, url: https://example.org/makers}
  publisher: Exemple Éditions
  funding: [{funder: Agence nationale, funder_url: https://example.org/agence, grant: ANR-26-X, project: TOY}]
  host: {title: Exemple Dépôt, url: https://example.org/depot, country: FR}
  access: shared
  retention: Ten years.
  storage: Two copies in two places.
  costs: Borne by the university.
  confidentiality: Public
  consent: https://example.org/consents
  processing_geography: The European Union
  eu:
    provider: {name: Exemple SAS, contact: ai-act@example.org}
    representative: {name: Représentant SARL, contact: rep@example.org}
    models: [{name: Toy-1B v1, url: https://example.org/toy-1b, placed: 2026-05-02}]
    dependencies: none
    previous: [https://example.org/summary/0]
    continuous: false
    demographics: Adults who write letters.
    answered_no: [2.2.1, 2.4.a, "2.4.b", "2.6"]
    user_data: No service collects any.
    code_of_practice_signatory: true
    opt_out_measures: An objection is heard within a month.
    copyright_policy: https://example.org/copyright
    illegal_content_measures: A list of addresses is blocked.
"""
