Feature: A won deal becomes a running project
  Sales wins a deal in the CRM. The customer, the project, the contract, and the ids that join them
  are set up in ERP, PSA, and CRM once, in order; what a machine must not guess waits for a person.

  Background:
    Given legal entity DE01 keeps its books in EUR, with tax profile standard
    And service line advisory comes with the work packages analysis and delivery

  Scenario: The straight way
    Given customer C-1 trades with DE01
    When deal ENG-1 with C-1 is won for DE01
    Then the ERP has customer C-1 for DE01, once
    And the ERP has project ENG-1 with the work packages analysis and delivery, once
    And the PSA has project ENG-1, once
    And the ERP has version 1 of the contract of ENG-1
    And the CRM knows the ids of ENG-1
    And project ENG-1 is active
    And deal ENG-1 is active
    And nobody was asked anything

  Scenario: The customer arrives after its deal
    When deal ENG-1 with C-1 is won for DE01
    Then nothing of ENG-1 was sent
    And nobody was asked anything
    When the CRM sends customer C-1 of DE01
    Then project ENG-1 is active
    And the ERP has customer C-1 for DE01, once

  Scenario: The customer's tax profile is missing
    Given customer C-1 trades with DE01, without a tax profile
    When deal ENG-1 with C-1 is won for DE01
    Then finance is asked about deal ENG-1: tax_profile_missing
    And a case says "set the tax profile of customer C-1, without which the ERP cannot get the customer"
    And nothing of ENG-1 was sent
    When the CRM sends customer C-1 of DE01 again, with tax profile standard
    And finance retries
    Then project ENG-1 is active
    And no case stands open

  Scenario: The customer has lost its tax profile, and a person chooses one for the deal
    Given customer C-1 trades with DE01
    And the CRM sends customer C-1 of DE01, without a tax profile
    When deal ENG-1 with C-1 is won for DE01
    Then finance is asked about deal ENG-1: tax_profile_missing
    And a case says "or choose the tax code by edit-retry"
    When finance chooses tax profile standard of DE01 for the deal, and retries
    Then project ENG-1 is active
    And the ERP has version 1 of the contract of ENG-1

  Scenario: The legal entity is not in the policy
    Given customer C-1 trades with DE01
    When deal ENG-1 with C-1 is won for FR01
    Then finance is asked about deal ENG-1: legal_entity_unmapped
    And a case says "add legal entity FR01 to the policy file"
    And nothing of ENG-1 was sent
    When legal entity FR01 is added to the policy, with books in EUR and tax profile standard
    Then the ERP has customer C-1 for DE01 and FR01, once
    And project ENG-1 is active
    And no case stands open

  Scenario: A large deal waits for finance
    Given deals above 100000 EUR need the approval of finance
    And customer C-1 trades with DE01
    When deal ENG-1 with C-1 is won for DE01, worth 250000 EUR, as asked for by E-17
    Then finance is asked about deal ENG-1: approval_needed
    And a case says "worth 250000 EUR"
    And nothing of ENG-1 was sent
    When E-17 tries to approve as finance
    Then that is refused: "E-17 asked for the deal, owns it, or changed it, and so may not decide on it"
    When E-21 tries to approve as sales-ops
    Then that is refused: "rule large_deal needs the role finance"
    And nothing of ENG-1 was sent
    When E-21 approves as finance
    Then project ENG-1 is active
    And the approval of E-21 is kept with deal ENG-1
    And no case stands open

  Scenario: Finance rejects a large deal
    Given deals above 100000 EUR need the approval of finance
    And customer C-1 trades with DE01
    When deal ENG-1 with C-1 is won for DE01, worth 250000 EUR, as asked for by E-17
    And E-21 rejects as finance
    Then deal ENG-1 is cancelled
    And nothing of ENG-1 was sent
    And no case stands open

  Scenario: A deal below the limit waits for nobody
    Given deals above 100000 EUR need the approval of finance
    And customer C-1 trades with DE01
    When deal ENG-1 with C-1 is won for DE01, worth 100000 EUR, as asked for by E-17
    Then project ENG-1 is active
    And nobody was asked anything

  Scenario: The project is made, and the billing schedule is refused
    Given customer C-1 trades with DE01
    And the ERP refuses the contract of ENG-1
    When deal ENG-1 with C-1 is won for DE01
    Then the ERP has project ENG-1, once
    And the PSA has project ENG-1, once
    And finance is asked about the contract of deal ENG-1 for DE01: refused
    And project ENG-1 is not active
    When the ERP takes the contract of ENG-1
    And finance retries
    Then the ERP has version 1 of the contract of ENG-1
    And the ERP has project ENG-1, once
    And the PSA has project ENG-1, once
    And project ENG-1 is active
    And no case stands open

  Scenario: The project is made, the billing schedule is refused, and the deal is given up
    Given customer C-1 trades with DE01
    And the ERP refuses the contract of ENG-1
    When deal ENG-1 with C-1 is won for DE01
    And finance cancels
    Then project ENG-1 was withdrawn from the PSA, and then cancelled in the ERP
    And deal ENG-1 is cancelled
    And project ENG-1 is not active
    And no case stands open

  Scenario: A deal over two legal entities
    Given legal entity US01 keeps its books in USD, with tax profile standard
    And customer C-1 trades with DE01
    When deal ENG-1 with C-1 is won for DE01 and US01
    Then the ERP has customer C-1 for DE01 and US01, once
    And project ENG-1-DE01 is active
    And project ENG-1-US01 is active
    And deal ENG-1 is active

  Scenario: A second deal with a customer that is being made
    Given legal entity US01 keeps its books in USD, with tax profile standard
    And customer C-1 trades with US01
    And the ERP takes its time
    When deals ENG-1 and ENG-2 with C-1 are won for DE01 at once
    Then the ERP has customer C-1 for US01 and DE01, once
    And project ENG-1 is active
    And project ENG-2 is active

  Scenario: A deal under a contract that is in force on another project
    Given customer C-1 trades with DE01
    And deal ENG-1 with C-1 is won for DE01
    And contract K-9 of DE01 comes into force on project ENG-1
    When deal ENG-2 with C-1 is won for DE01, under contract K-9
    Then the sender is asked about deal ENG-2: contract_taken
    And a case says "contract K-9 is in force already, on project ENG-1"
    And nothing of ENG-2 was sent
    When finance cancels
    Then deal ENG-2 is cancelled
    And the ERP still bills contract K-9 for project ENG-1

  Scenario: The customer is on credit hold
    Given customer C-1 trades with DE01
    And finance puts C-1 on credit hold
    When deal ENG-1 with C-1 is won for DE01
    Then finance is asked about deal ENG-1: credit_hold
    And a case says "customer C-1 is on credit hold: have finance release it"
    And nothing of ENG-1 was sent
    When finance releases the hold of C-1
    And finance retries
    Then project ENG-1 is active
    And no case stands open

  Scenario: The workspace cannot be made
    Given DE01 has a workspace system, which refuses everything
    And customer C-1 trades with DE01
    When deal ENG-1 with C-1 is won for DE01
    Then project ENG-1 is active
    And deal ENG-1 is active
    And finance is asked about the workspace of deal ENG-1 for DE01: refused

  Scenario: A legal entity in shadow
    Given DE01 runs won deals in shadow
    And customer C-1 trades with DE01
    When deal ENG-1 with C-1 is won for DE01
    Then nothing of ENG-1 was sent
    And deal ENG-1 is shadowed
    And ENG-1 shows that the ERP would be asked for "project.create"
    And ENG-1 shows that the ERP would be asked for "contract.put"
    And nobody was asked anything

  Scenario: A deal over two legal entities, of which one is in shadow
    Given legal entity US01 keeps its books in USD, with tax profile standard
    And US01 runs won deals in shadow
    And customer C-1 trades with DE01
    When deal ENG-1 with C-1 is won for DE01 and US01
    Then project ENG-1-DE01 is active
    And project ENG-1-US01 is not active
    And the ERP has customer C-1 for DE01, once
    And deal ENG-1 is active
